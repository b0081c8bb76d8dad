"""What can befall a picture: artefacts on the skin, the camera, geometry, and the lesion hidden.

Arrays in, arrays out, no torch. The phantom set draws its artefacts with it, and the stress test of
`evaluation.robustness` changes real pictures with it, so there is one way to draw a hair.

    drawing.py    soft noise, strokes, filling and rounding that the others share
    artefacts.py  hair, ruler, ink, gel bubbles, dark corners
    camera.py     blur, noise, JPEG, exposure, white balance
    geometry.py   zoom, rotation, flips
    skin.py       a lesion painted over with the skin around it
    kinds.py      all of them by name, in steps of severity
"""
