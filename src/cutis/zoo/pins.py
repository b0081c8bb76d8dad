"""SHA-256 of every file of every model in the zoo; the first model is the default.

Written by `scripts/zoo.py`. A bundle's own SHA256SUMS find damage; these also find a bundle that
somebody changed together with its sums.
"""

PINS: dict[str, dict[str, str]] = {
    "dermoscopy-lite0": {
        "bundle.json": "5f31384d0812f04adea1fd50e3d85559ee92b48803637ff872bede27c797599b",
        "taxonomy.json": "6322ce595a1810ceb519fe063667af6c51402f74d057b8b17686841b796d311d",
        "model.onnx": "d51ac9c0c4a653e09f0ed0a39276a0f909effbc2b4acd7388a54884eb46fca3e",
        "weights.safetensors": "58f21318449f996c6e114ce96c4eb9790ca21863f20d41b62f4caaede30be4e9",
        "MODEL_CARD.md": "d1e625c0cf1e8a0e4b59724602259d67121a506c125c4accb320fcd02ce3d115",
        "rejection.safetensors": "9258b1e0f405678560f586812e78daef222401b8426b910adf6bd4612f851820",
    },
}
