"""Seeing: what a network looks at, how it arranges pictures, and which training cases are alike.

Maps of attribution need torch; maps of features and nearest cases are made from what ONNX Runtime
gives and do without it.
"""
