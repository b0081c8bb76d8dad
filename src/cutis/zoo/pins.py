"""SHA-256 of every file of every model in the zoo; the first model is the default.

Written by `scripts/zoo.py`. A bundle's own SHA256SUMS find damage; these also find a bundle that
somebody changed together with its sums.
"""

PINS: dict[str, dict[str, str]] = {
    "dermoscopy-lite0": {
        "bundle.json": "22da7dc531a4a488965db2098b0e8b74e224fc3d0d6b69313a8c5fdc3fc167c7",
        "taxonomy.json": "6322ce595a1810ceb519fe063667af6c51402f74d057b8b17686841b796d311d",
        "model.onnx": "cce1e0d5edca853c21cfb43d09bed277e9b21c0e9b618660fdfc26b16fb7f9fc",
        "weights.safetensors": "1a34e163bf76e70aafaa5e7e7953f399db9071299fea824b55357d34c0aff684",
        "MODEL_CARD.md": "199f8d8bf446d8b039efbc52b65df070c9272b9d260b6c2ae9ab9004eeedd1d8",
        "rejection.safetensors": "3e89d08eb298b53c24db7cdfa3c70b40723568bf83fbd62bb15dfc4f5ad64e84",
    },
}
