"""SHA-256 of every file of every model in the zoo; the first model is the default.

Written by `scripts/zoo.py`. A bundle's own SHA256SUMS find damage; these also find a bundle that
somebody changed together with its sums.
"""

PINS: dict[str, dict[str, str]] = {
    "dermoscopy-lite0": {
        "bundle.json": "3a3bff0862dd395718ea031b5cf34ad77c9269f6fa75a58d537f54fe8c6c0002",
        "taxonomy.json": "6322ce595a1810ceb519fe063667af6c51402f74d057b8b17686841b796d311d",
        "model.onnx": "67cfe83658f8b50f5595a184c4eeb683edaf66e65ad23850efab6e07bbfa2b34",
        "weights.safetensors": "77803ef346fd118acdb0595ad927cfad64769f676d6518236165996881a0df7c",
        "MODEL_CARD.md": "dee581828c454724c8834c67b4b3b5624e226f3952a088058707dff55b54dc38",
        "rejection.safetensors": "89eebd83a234f2c1a400f7085a252a9b555c0a172b8b37fd7a3be2548c5422ee",
    },
}
