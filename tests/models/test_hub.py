"""Weights from a hub, against a local stand-in."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import save

from cutis.errors import DownloadError
from cutis.models.backbones import BackboneSettings, create_backbone

NAME = "mobilenetv3_small_050"


class Hub(ThreadingHTTPServer):
    """Serves one file, as `/ORGANISATION/MODEL/resolve/main/model.safetensors`, or none."""

    daemon_threads = True

    def __init__(self, weights: bytes | None):
        super().__init__(("127.0.0.1", 0), Answer)
        self.weights = weights
        self.asked: list[str] = []

    def close(self) -> None:
        self.shutdown()
        self.server_close()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Answer(BaseHTTPRequestHandler):
    server: Hub

    def do_GET(self, *, body: bool = True):
        self.server.asked.append(self.path)
        weights = self.server.weights
        if weights is None or not self.path.endswith("/resolve/main/model.safetensors"):
            self.send_response(404)
            self.send_header("X-Error-Code", "EntryNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("X-Repo-Commit", "0" * 40)
        self.send_header("ETag", f'"{hashlib.sha256(weights).hexdigest()}"')
        self.send_header("Content-Length", str(len(weights)))
        self.end_headers()
        if body:
            self.wfile.write(weights)

    def do_HEAD(self):
        self.do_GET(body=False)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def network():
    return create_backbone(BackboneSettings(name=NAME, weights="none"))


@pytest.fixture
def hub(network, tmp_path, monkeypatch):
    server = Hub(save(network.state_dict()))
    monkeypatch.setattr(constants, "ENDPOINT", server.address)
    template = constants.HUGGINGFACE_CO_URL_TEMPLATE.partition("/{repo_id}")
    monkeypatch.setattr(
        constants, "HUGGINGFACE_CO_URL_TEMPLATE", server.address + "".join(template[1:])
    )
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.close()


def test_weights_come_from_a_hub_and_then_from_its_cache(hub, network):
    expected = network.state_dict()["conv_stem.weight"]
    for _ in range(2):
        found = create_backbone(BackboneSettings(name=NAME)).state_dict()["conv_stem.weight"]
        assert torch.equal(found, expected)
        hub.close()
    assert any(path.startswith(f"/timm/{NAME}") for path in hub.asked)


@pytest.mark.parametrize("answers", [True, False])
def test_a_hub_without_such_weights_or_without_an_answer_is_named_at_once(hub, caplog, answers):
    hub.weights = None
    if not answers:
        hub.close()
    fault = "no weights from the hub" if answers else f"{hub.address} does not answer"
    with pytest.raises(DownloadError, match=rf"{fault} .*model\.backbone\.weights = 'none'"):
        create_backbone(BackboneSettings(name=NAME))
    assert "Retrying" not in caplog.text
    assert not constants.HF_HUB_OFFLINE, "the library is left as it was"
