"""Fetching against a stand-in of the archive that misbehaves in the ways real servers do."""

import io
import json
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cutis.curation.fetch import fetch_collection
from cutis.curation.sources import import_source
from cutis.errors import DownloadError, InputError, OutputError

PAGE = 3
HTML = b"<!doctype html><title>Sorry</title>"


def jpeg(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG")
    return stream.getvalue()


class Archive(ThreadingHTTPServer):
    """Seven pictures of collection 212; `faults` are worked off, one per request of a path."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.pictures = {f"ISIC_{k:07}": jpeg(k) for k in range(7)}
        self.faults: dict[str, list[str]] = {}
        self.requests: list[tuple[str, str]] = []
        self.with_sizes = True

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def page(self, start: int) -> dict[str, object]:
        ids = sorted(self.pictures)
        following = f"{self.address}/images/search/?collections=212&cursor={start + PAGE}"
        return {
            "count": len(ids),
            "next": following if start + PAGE < len(ids) else None,
            "previous": None,
            "results": [self.entry(isic_id) for isic_id in ids[start : start + PAGE]],
        }

    def entry(self, isic_id: str) -> dict[str, object]:
        full = {"url": f"{self.address}/files/{isic_id}.jpg?signed=1"}
        if self.with_sizes:
            full["size"] = len(self.pictures[isic_id])
        diagnosis = {"diagnosis_1": "Benign", "diagnosis_3": "Nevus", "sex": "female"}
        return {
            "isic_id": isic_id,
            "copyright_license": "CC-BY-NC",
            "attribution": "Somebody",
            "public": True,
            "files": {"full": full, "thumbnail_256": {"url": "x", "size": 1}},
            "metadata": {
                "acquisition": {"pixels_x": 80, "image_type": "dermoscopic"},
                "clinical": {**diagnosis, "lesion_id": f"IL_{isic_id[-1]}", "age_approx": 45},
            },
        }

    def asked_for(self, isic_id: str) -> list[str]:
        """The Range headers with which a picture was asked for."""
        return [span for path, span in self.requests if path == f"/files/{isic_id}.jpg"]


class Answer(BaseHTTPRequestHandler):
    server: Archive

    def do_GET(self):
        split = urlsplit(self.path)
        span = self.headers.get("Range", "")
        self.server.requests.append((split.path, span))
        faults = self.server.faults.get(split.path, [])
        fault = faults.pop(0) if faults else ""
        if fault.isdecimal():
            self.send(int(fault), b"no")
        elif fault == "html":
            self.send(200, HTML, kind="text/html")
        elif split.path == "/images/search/":
            start = int(parse_qs(split.query).get("cursor", ["0"])[0])
            self.send(200, json.dumps(self.server.page(start)).encode(), kind="application/json")
        elif fault == "html of the right size":
            self.send(200, HTML.ljust(len(self.picture(split.path)), b" "), kind="text/html")
        else:
            self.send_picture(self.picture(split.path), span, fault)

    def picture(self, path: str) -> bytes:
        return self.server.pictures[path.removeprefix("/files/").removesuffix(".jpg")]

    def send_picture(self, content: bytes, span: str, fault: str):
        start = int(span.removeprefix("bytes=").removesuffix("-")) if span else 0
        if fault == "no ranges":
            start = 0
        elif start >= len(content):
            self.send(416, b"")
            return
        body = content[start:]
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if fault == "truncated" else body)

    def send(self, status: int, body: bytes, *, kind: str = "text/plain"):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def archive():
    with Archive() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def fetch(archive, folder, **options):
    return fetch_collection("ham10000", folder, api=archive.address, retry_seconds=0.01, **options)


def contents(folder):
    return {path.stem: path.read_bytes() for path in (folder / "images").iterdir()}


def test_a_collection_arrives_whole_with_its_metadata(archive, tmp_path):
    seen = []
    table = fetch(archive, tmp_path, on_progress=lambda *counts: seen.append(counts))
    assert contents(tmp_path) == archive.pictures
    assert seen == [(done, 7) for done in range(1, 8)]
    frame = pd.read_csv(table)
    assert list(frame["isic_id"]) == sorted(archive.pictures)
    assert {"copyright_license", "image_type", "diagnosis_1", "lesion_id", "sex"} <= set(frame)


def test_what_was_fetched_is_imported(archive, tmp_path):
    fetch(archive, tmp_path)
    frame = import_source("isic", tmp_path).manifest.frame
    assert set(frame["diagnosis"]) == {"nevus"}
    assert set(frame["age_years"]) == {45.0}
    assert frame["lesion_id"].nunique() == 7


def test_a_second_call_asks_for_no_picture_again(archive, tmp_path):
    fetch(archive, tmp_path)
    archive.requests.clear()
    fetch(archive, tmp_path)
    assert {path for path, _ in archive.requests} == {"/images/search/"}


def test_a_picture_of_another_size_is_loaded_again(archive, tmp_path):
    fetch(archive, tmp_path)
    (tmp_path / "images" / "ISIC_0000002.jpg").write_bytes(b"damaged")
    fetch(archive, tmp_path)
    assert contents(tmp_path) == archive.pictures


def test_a_limit_loads_the_first_images_and_says_so_in_the_progress(archive, tmp_path):
    seen = []
    fetch(archive, tmp_path, limit=4, on_progress=lambda *counts: seen.append(counts))
    assert sorted(contents(tmp_path)) == sorted(archive.pictures)[:4]
    assert seen[-1] == (4, 4)
    assert len(pd.read_csv(tmp_path / "metadata.csv")) == 4


def test_a_limit_after_a_whole_fetch_costs_no_row(archive, tmp_path):
    whole = pd.read_csv(fetch(archive, tmp_path))
    assert pd.read_csv(fetch(archive, tmp_path, limit=2)).equals(whole)


def test_collections_in_one_folder_share_its_metadata_and_lost_pictures_leave_it(archive, tmp_path):
    fetch(archive, tmp_path)
    archive.pictures = {"ISIC_9000000": jpeg(9)}
    (tmp_path / "images" / "ISIC_0000002.jpg").unlink()
    frame = pd.read_csv(fetch(archive, tmp_path))
    assert set(frame["isic_id"]) == {path.stem for path in (tmp_path / "images").iterdir()}
    assert frame["lesion_id"].notna().all()


@pytest.mark.parametrize(
    "fault", ["500", "503", "429", "truncated", "html", "html of the right size"]
)
def test_a_passing_fault_of_a_picture_is_overcome(archive, tmp_path, fault):
    archive.faults["/files/ISIC_0000003.jpg"] = [fault, fault]
    fetch(archive, tmp_path)
    assert contents(tmp_path) == archive.pictures
    assert len(archive.asked_for("ISIC_0000003")) == 3


def test_a_transfer_that_broke_off_goes_on_where_it_stopped(archive, tmp_path):
    archive.faults["/files/ISIC_0000003.jpg"] = ["truncated"]
    fetch(archive, tmp_path)
    half = len(archive.pictures["ISIC_0000003"]) // 2
    assert archive.asked_for("ISIC_0000003") == ["", f"bytes={half}-"]


def test_a_later_call_goes_on_with_what_an_earlier_one_left(archive, tmp_path):
    archive.faults["/files/ISIC_0000003.jpg"] = ["truncated", "404"]
    with pytest.raises(DownloadError):
        fetch(archive, tmp_path)
    assert "ISIC_0000003" not in contents(tmp_path)
    archive.requests.clear()
    fetch(archive, tmp_path)
    half = len(archive.pictures["ISIC_0000003"]) // 2
    assert archive.asked_for("ISIC_0000003") == [f"bytes={half}-"]
    assert contents(tmp_path) == archive.pictures


def test_a_server_that_cannot_continue_sends_the_whole_picture(archive, tmp_path):
    archive.faults["/files/ISIC_0000003.jpg"] = ["truncated", "no ranges"]
    fetch(archive, tmp_path)
    assert contents(tmp_path) == archive.pictures


def test_a_part_longer_than_the_picture_is_thrown_away(archive, tmp_path):
    (tmp_path / "images").mkdir()
    part = tmp_path / "images" / ".ISIC_0000003.jpg.partial"
    part.write_bytes(b"\0" * (len(archive.pictures["ISIC_0000003"]) + 1))
    fetch(archive, tmp_path)
    assert contents(tmp_path) == archive.pictures


def test_without_announced_sizes_the_servers_own_count(archive, tmp_path):
    archive.with_sizes = False
    archive.faults["/files/ISIC_0000003.jpg"] = ["truncated", "html"]
    fetch(archive, tmp_path)
    assert contents(tmp_path) == archive.pictures


def test_a_picture_that_stays_away_is_named_after_all_others_are_there(archive, tmp_path):
    archive.faults["/files/ISIC_0000003.jpg"] = ["404"]
    with pytest.raises(DownloadError, match=r"1 picture.* run the same command again\n.*404"):
        fetch(archive, tmp_path)
    assert len(contents(tmp_path)) == 6
    assert len(pd.read_csv(tmp_path / "metadata.csv")) == 7
    assert archive.asked_for("ISIC_0000003") == [""]  # no use in asking for it again


def test_nothing_half_done_ever_has_a_final_name(archive, tmp_path):
    archive.faults = {f"/files/{isic_id}.jpg": ["truncated"] * 9 for isic_id in archive.pictures}
    with pytest.raises(DownloadError, match="7 picture"):
        fetch(archive, tmp_path)
    assert not [path for path in (tmp_path / "images").iterdir() if path.name[0] != "."]


def test_a_passing_fault_of_the_list_is_overcome(archive, tmp_path):
    archive.faults["/images/search/"] = ["500", "503"]
    fetch(archive, tmp_path)
    assert contents(tmp_path) == archive.pictures


@pytest.mark.parametrize(
    ("fault", "message"),
    [("html", "not JSON; is --api right"), ("404", "the server answers 404"), ("500", "500")],
)
def test_an_archive_that_answers_something_else_is_an_error(archive, tmp_path, fault, message):
    archive.faults["/images/search/"] = [fault] * 9
    with pytest.raises(DownloadError, match=message):
        fetch(archive, tmp_path)
    assert not (tmp_path / "metadata.csv").exists()


@pytest.mark.parametrize(
    "answer", [{}, [], {"results": [{"isic_id": "a"}], "next": None}, {"results": 3, "next": None}]
)
def test_an_answer_of_another_shape_is_an_error(archive, tmp_path, answer):
    archive.page = lambda _start: answer
    with pytest.raises(DownloadError, match="not what the archive usually answers"):
        fetch(archive, tmp_path)


@pytest.mark.parametrize("isic_id", ["../../evil", "n" * 300])
def test_an_id_that_is_no_name_for_a_file_is_an_error(archive, tmp_path, isic_id):
    entry = archive.entry("ISIC_0000001") | {"isic_id": isic_id}
    archive.page = lambda _start: {"count": 1, "next": None, "results": [entry]}
    with pytest.raises(DownloadError, match="no name for a file"):
        fetch(archive, tmp_path)


def test_pages_that_go_round_in_a_circle_are_an_error(archive, tmp_path):
    first = archive.page(0)
    archive.page = lambda _start: first
    with pytest.raises(DownloadError, match="in a circle"):
        fetch(archive, tmp_path)


def test_an_empty_collection_is_an_error(archive, tmp_path):
    archive.pictures = {}
    with pytest.raises(DownloadError, match="collection 212 lists no images"):
        fetch(archive, tmp_path)


def test_without_a_connection_the_message_asks_for_one(tmp_path):
    with pytest.raises(DownloadError, match="is there a connection"):
        fetch_collection("ham10000", tmp_path, api="http://127.0.0.1:1", retry_seconds=0.001)


def test_something_that_is_no_address_is_an_error(tmp_path):
    with pytest.raises(DownloadError, match="not an address"):
        fetch_collection("ham10000", tmp_path, api="archive", retry_seconds=0.001)


def test_an_unknown_collection_is_an_error_and_a_number_is_not(archive, tmp_path):
    with pytest.raises(InputError, match=r"'ham1000' .*did you mean 'ham10000'"):
        fetch_collection("ham1000", tmp_path, api=archive.address)
    fetch_collection("212", tmp_path, api=archive.address)
    assert contents(tmp_path) == archive.pictures


def test_a_place_that_cannot_be_written_is_found_out_before_anything_is_asked(archive, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError):
        fetch(archive, tmp_path / "file")
    assert not archive.requests


def test_somebody_elses_table_is_never_replaced(archive, tmp_path):
    (tmp_path / "metadata.csv").write_text("lesion_id,image_id,dx\n")
    with pytest.raises(OutputError, match="somebody else's table would be replaced"):
        fetch(archive, tmp_path)
    assert not archive.requests


def test_a_disk_that_is_too_small_is_found_out_before_the_first_picture(
    archive, tmp_path, monkeypatch
):
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr("shutil.disk_usage", lambda _folder: usage)
    with pytest.raises(OutputError, match="MiB needed"):
        fetch(archive, tmp_path)
    assert {path for path, _ in archive.requests} == {"/images/search/"}


def test_ctrl_c_leaves_whole_pictures_only_and_the_next_call_goes_on(archive, tmp_path):
    def interrupt(done: int, _total: int | None) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(archive, tmp_path, on_progress=interrupt)
    there = {path.stem: path.read_bytes() for path in (tmp_path / "images").glob("*.jpg")}
    assert len(there) >= 2
    assert there.items() <= archive.pictures.items()
    assert not (tmp_path / "metadata.csv").exists()
    fetch(archive, tmp_path)
    assert contents(tmp_path) == archive.pictures
    asked = Counter(path for path, _ in archive.requests if path.startswith("/files/"))
    assert all(asked[f"/files/{isic_id}.jpg"] == 1 for isic_id in there)


@pytest.mark.parametrize(
    "change",
    [
        {"next": 5},
        {"next": ["x"]},
        {"next": "http://\ud800"},
        {"count": float("inf")},
    ],
)
def test_a_page_with_values_of_another_kind_is_an_error(archive, tmp_path, change):
    page = archive.page(0) | change
    archive.page = lambda _start: page
    with pytest.raises(DownloadError, match="not what the archive usually answers"):
        fetch(archive, tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"size": 0}, "said to have 0 bytes"),
        ({"size": -1}, "said to have -1 bytes"),
        ({"url": 5}, "5 is no address"),
        ({"url": None}, "has no address"),
    ],
)
def test_a_file_that_cannot_be_is_an_error(archive, tmp_path, change, message):
    entry = archive.entry("ISIC_0000001")
    entry["files"]["full"] |= change
    archive.page = lambda _start: {"count": 1, "next": None, "results": [entry]}
    with pytest.raises(DownloadError, match=message):
        fetch(archive, tmp_path)


def test_halves_of_characters_and_a_second_id_are_written_all_the_same(archive, tmp_path):
    entry = archive.entry("ISIC_0000001")
    entry["metadata"]["clinical"] |= {"sex": "\ud800", "isic_id": "another"}
    archive.page = lambda _start: {"count": 1, "next": None, "results": [entry]}
    frame = pd.read_csv(fetch(archive, tmp_path))
    assert frame["sex"].to_list() == [r"\ud800"]
    assert frame["isic_id"].to_list() == ["ISIC_0000001"]
    assert len(import_source("isic", tmp_path).manifest) == 1
