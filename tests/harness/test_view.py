"""The viewer serves its page, pictures and heatmaps to a browser on this machine, and nothing else."""

from __future__ import annotations

import base64
import http.client
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from browser import OpenPage
from cases_examples import ATTACK, Films
from conftest import refused
from wsbench.contract.records import Record
from wsbench.data.dataset import Loaded
from wsbench.errors import WsbenchError
from wsbench.predictions import store
from wsbench.reports.web.viewer import pages
from wsbench.reports.web.viewer.answers import Answers
from wsbench.reports.web.viewer.server import Server
from wsbench.utils.progress import Silent


@pytest.fixture(scope="module")
def answers(films: Films) -> Answers:
    """Without curves, as for a large test."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(pages, "MOST_SCORES", 0)
        return pages.answers_of(films.records, films.plugins, None, Silent())


@pytest.fixture
def server(answers: Answers) -> Iterator[Server]:
    with Server(0, answers) as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def asked(server: Server, address: str, method: str = "GET", host: str | None = None, secret: bool = True):
    """The answer to a request whose address is sent as it is."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
    connection.putrequest(
        method,
        f"/{server.secret}/{address}" if secret else address,
        skip_host=True,
        skip_accept_encoding=True,
    )
    for name in [host] if host is not None else [f"127.0.0.1:{server.server_port}"]:
        connection.putheader("Host", name)
    connection.endheaders()
    answer = connection.getresponse()
    return answer.status, dict(answer.getheaders()), answer.read()


def test_a_served_heatmap_is_the_stored_one(server: Server, films: Films) -> None:
    classes = films.loaded.dataset.classes
    table = server.answers.files[0].table
    for number, method in enumerate(table.methods):
        record = next(r for r in films.records if r.method["name"] == method.label)
        names, prediction = store.read_role(record.folder / "predict", "test", classes)
        for row in (0, 17, 39):
            status, headers, content = asked(server, f"0/details/{row}")
            assert (status, headers["Content-Type"]) == (200, "application/json")
            values = json.loads(content)["methods"][number]
            assert names[row] == table.samples[row].name
            assert values["scores"] == pytest.approx(prediction.scores[row], rel=1e-3)
            for column in range(len(classes)):
                if prediction.heatmaps is None:
                    assert values["maps"] == {}
                    assert len(values["own"][str(column)]) == 3
                    continue
                stored = values["maps"][str(column)]
                served = np.frombuffer(base64.b64decode(stored["values"]), dtype="<f2")
                assert np.array_equal(served.reshape(stored["shape"]), prediction.heatmaps[row, column])
                assert tuple(stored["region"]) == prediction.regions[row].corners


def test_a_served_picture_is_the_image(server: Server, films: Films) -> None:
    sample = server.answers.files[0].table.samples[3]
    status, headers, content = asked(server, "0/pictures/3")
    assert (status, headers["Content-Type"]) == (200, "image/jpeg")
    with Image.open(io.BytesIO(content)) as picture:
        assert picture.size == (sample.width, sample.height)
        read = films.loaded.dataset.read(sample, sample.height, sample.width)
        assert np.abs(np.asarray(picture).astype(int) - read).max() < 12


def test_the_page_embeds_nothing_and_may_run_its_own_script_alone(server: Server) -> None:
    status, headers, content = asked(server, "")
    html = content.decode()
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "wsbench report: films" in html
    assert "data:image" not in html
    assert '"values"' not in html
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe-inline" not in policy.partition("style-src")[0]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert "Python" not in headers["Server"]
    status, headers, content = asked(server, "", method="HEAD")
    assert (status, content, int(headers["Content-Length"])) == (200, b"", len(html.encode()))


@pytest.mark.parametrize(
    "address",
    ["../../../../etc/passwd", "0/pictures/../../../../etc/passwd", "0/pictures/%2e%2e%2fetc%2fpasswd",
     "0/pictures/40", "0/pictures/-1", "0/pictures/1e1", "0/pictures/%D9%A1", "0/details/3/", "1/pictures/0",
     "0/pictures/test%2Ffilm%200%20%3Cb%3E.png", "0//pictures/3", "favicon.ico", "0/pictures/3%00"],
)  # fmt: skip
def test_no_other_address_has_an_answer(server: Server, address: str) -> None:
    status, _, content = asked(server, address)
    assert (status, content) == (404, b"there is nothing at this address\n")


def test_without_the_secret_nothing_is_told(server: Server) -> None:
    for address in ("/", "/0/pictures/3", "//", f"/{server.secret[:-1]}/", f"/{server.secret}", "/../"):
        assert asked(server, address, secret=False)[0] == 404


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1", "localhost:1", ""])
def test_names_of_others_that_lead_to_this_machine_are_refused(server: Server, host: str) -> None:
    status, _, content = asked(server, "0/details/0", host=host.format(port=server.server_port))
    assert (status, content) == (403, b"this viewer answers to its own address alone\n")
    assert asked(server, "0/details/0", host=f"localhost:{server.server_port}")[0] == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_other_methods_are_refused(server: Server, method: str) -> None:
    status, headers, _ = asked(server, "", method=method)
    assert (status, headers["Allow"]) == (405, "GET, HEAD")


def test_only_loopback_is_bound(server: Server) -> None:
    assert server.socket.getsockname()[0] == "127.0.0.1"
    assert server.address.startswith("http://127.0.0.1:")


def test_an_image_that_is_gone_is_a_line(
    server: Server,
    films: Films,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def gone(*_: object) -> np.ndarray:
        raise WsbenchError("film.png: cannot be read")

    monkeypatch.setattr(type(server.answers.files[0].loaded.dataset), "read", gone)
    assert asked(server, "0/pictures/3")[::2] == (500, b"film.png: cannot be read\n")


def test_a_browser_shows_all_images_and_filters_them(
    server: Server,
    open_page: Callable[..., OpenPage],
) -> None:
    opened = open_page(address=server.address)
    shown = opened.page
    shown.locator(".case-film img").evaluate("image => image.decode()")
    assert shown.locator(".case-list li").count() == 40
    shown.wait_for_selector(".case-score")
    assert shown.locator(".case-score").count() == 3
    assert shown.locator(".case-film rect").count() > 0
    shown.select_option("[data-control=class]", ATTACK)
    shown.locator(".case-frame").first.press("ArrowRight")
    shown.locator(".case-film img").evaluate("image => image.decode()")
    assert shown.locator("[data-control=finding] option").count() == 3
    link = shown.locator("a[data-filter^='class=']").first  # of a table of the report
    words = link.text_content()
    link.click()
    assert shown.locator(".case-chips button").all_text_contents() == [f"class: {words}"]
    assert not opened.errors
    assert all(
        re.fullmatch(rf"{re.escape(server.address)}0/(pictures|details)/\d+", a) for a in opened.requests
    )


def test_a_port_in_use_is_a_line(films: Films, command: Callable) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        words = ["view", str(films.records[0].folder), "--port", str(port), "--no-browser", "-q"]
        line = refused(command(*words))
    assert line == f"port {port} of 127.0.0.1 is in use; name another with --port, or 0 for any free one"


def test_runs_without_predictions_are_a_line(films: Films, tmp_path: Path) -> None:
    record, loaded = films.records[0], films.loaded
    assert isinstance(record, Record)
    assert isinstance(loaded, Loaded)
    bare = Record(**{**record.__dict__, "folder": tmp_path})
    with pytest.raises(WsbenchError, match="none of the runs has predictions in its folder; name folders"):
        pages.answers_of([bare], films.plugins, None, Silent())


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is another signal there")
def test_ctrl_c_ends_it_with_one_line(films: Films, tmp_path: Path) -> None:
    # A shell's background job ignores SIGINT, and so would all that it starts.
    code = (
        "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from wsbench.cli import command\nfrom wsbench.reports.web.viewer import pages\n"
        "pages.MOST_SCORES = 0\ncommand()"
    )
    words = ["view", str(films.records[0].folder), "--port", "0", "--no-browser", "--plugin", str(films.file)]
    process = subprocess.Popen(
        [sys.executable, "-c", code, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={**os.environ},
    )
    assert process.stdout is not None
    address = process.stdout.readline()
    found = re.fullmatch(r"view: http://127\.0\.0\.1:(\d+)(/[\w-]+/)\n", address)
    assert found, address
    connection = http.client.HTTPConnection("127.0.0.1", int(found[1]), timeout=60)
    connection.request("GET", f"{found[2]}0/pictures/0")
    assert connection.getresponse().read(2) == b"\xff\xd8"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.splitlines()[-1] == "stopped; rerun the command to continue"
    assert "Traceback" not in errors
    assert list(tmp_path.iterdir()) == []  # it writes nothing
