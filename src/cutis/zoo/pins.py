"""SHA-256 of every file of every model in the zoo; the first model is the default.

Written by `scripts/zoo.py`. A bundle's own SHA256SUMS find damage; these also find a bundle that
somebody changed together with its sums.
"""

PINS: dict[str, dict[str, str]] = {
    "dermoscopy-lite0": {
        "bundle.json": "ab61903856c889524ffd829b7d785007dac92115df3f4e8762c59aa083ca9c9c",
        "taxonomy.json": "6322ce595a1810ceb519fe063667af6c51402f74d057b8b17686841b796d311d",
        "model.onnx": "6a9c0f778e4d3fb57226670ef06d3a73cbc99fec6d8c25d9111cb5985645fb62",
        "weights.safetensors": "f57773feb7c8b3e05b8ca125a5b05d58d211f2b35d6dcf3e679e975977b09798",
        "MODEL_CARD.md": "193ed9b1e7a7bbe309e675285ce5331d4254a0cd7f1a0d9d3b4c18b7913c6655",
        "rejection.safetensors": "2e9717bf762fd42c21d93a96321babe090321a466c3a694c8209f6b98223ddb9",
    },
}
