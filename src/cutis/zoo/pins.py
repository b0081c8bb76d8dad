"""SHA-256 of every file of every model in the zoo; the first model is the default.

Written by `scripts/zoo.py`. A bundle's own SHA256SUMS find damage; these also find a bundle that
somebody changed together with its sums.
"""

PINS: dict[str, dict[str, str]] = {
    "dermoscopy-lite0": {
        "bundle.json": "61cf04e54616393c152b5ce8c7410fd94a2c014957df8f30a9343d1c2c810b15",
        "taxonomy.json": "6322ce595a1810ceb519fe063667af6c51402f74d057b8b17686841b796d311d",
        "model.onnx": "d51ac9c0c4a653e09f0ed0a39276a0f909effbc2b4acd7388a54884eb46fca3e",
        "weights.safetensors": "58f21318449f996c6e114ce96c4eb9790ca21863f20d41b62f4caaede30be4e9",
        "MODEL_CARD.md": "30c3134bfcec1645c449e780cfe13ad67f0783d4dd9cd69fed986d9f00d8de87",
        "rejection.safetensors": "9258b1e0f405678560f586812e78daef222401b8426b910adf6bd4612f851820",
    },
}
