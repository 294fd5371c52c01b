"""Who may have the page: a browser on this machine that asks for it by its own address, and nobody else."""

import base64
import os
import socket
from contextlib import suppress
from http.client import HTTPConnection

import pytest

from simsearch import cli, ui
from tests.serving import served

pytest.importorskip("streamlit")
from streamlit import net_util  # noqa: E402
from streamlit.web.server import server_util  # noqa: E402


@pytest.fixture(scope="module")
def web():
    """All of the web that the server reaches: a proxy that nobody is to call."""
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        proxy.settimeout(0)
        yield proxy


@pytest.fixture(scope="module")
def port(tmp_path_factory, web):
    proxy = f"http://127.0.0.1:{web.getsockname()[1]}"
    library = tmp_path_factory.mktemp("serving") / "library"
    with served(library, http_proxy=proxy, https_proxy=proxy) as address:
        yield int(address.rsplit(":", 1)[1])


def shaken_hands(port, host, origin, address="127.0.0.1"):
    """The status that a browser gets which begins a conversation with the page."""
    connection = HTTPConnection(address, port, timeout=20)
    headers = {
        "Host": host.format(port=port),
        "Origin": origin.format(port=port),
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": base64.b64encode(bytes(16)).decode(),
        "Sec-WebSocket-Version": "13",
    }
    connection.request("GET", "/_stcore/stream", headers=headers)
    status = connection.getresponse().status
    connection.close()
    return status


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("127.0.0.1:{port}", "http://127.0.0.1:{port}", 101),
        ("localhost:{port}", "http://localhost:{port}", 101),
        ("evil.example:{port}", "http://evil.example:{port}", 403),  # a name that was made to lead here
        ("127.0.0.1:{port}", "http://evil.example", 403),
    ],
)
def test_only_the_page_itself_may_talk_to_its_server(port, host, origin, status):
    assert shaken_hands(port, host, origin) == status


def test_a_stranger_does_not_make_the_server_ask_the_web_who_it_is(port, web):
    assert shaken_hands(port, "127.0.0.1:{port}", "http://evil.example") == 403
    with pytest.raises(BlockingIOError):
        web.accept()


def test_a_checkout_s_page_does_not_ask_the_web_either(page, monkeypatch):
    monkeypatch.setattr(net_util, "_external_ip", None)
    monkeypatch.setattr(net_util, "_make_blocking_http_get", lambda *_, **__: pytest.fail("asks the web"))
    page.run()
    assert not server_util.is_url_from_allowed_origins("http://evil.example")


@pytest.fixture(scope="module")
def open_port(tmp_path_factory):
    """The port of a page that is served to everybody, as in a container."""
    options = ("--host", "0.0.0.0", "--allowed-host", "photos.example")
    with served(tmp_path_factory.mktemp("open") / "library", *options) as address:
        yield int(address.rsplit(":", 1)[1])


def test_a_page_is_asked_for_at_its_own_address_only(port):
    with pytest.raises(ConnectionRefusedError):
        shaken_hands(port, "127.0.0.2:{port}", "http://127.0.0.2:{port}", address="127.0.0.2")


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("127.0.0.1:{port}", "http://127.0.0.1:{port}", 101),  # as a container's published port is asked
        ("photos.example", "https://photos.example", 101),  # by a reverse proxy that keeps the name
        ("127.0.0.2:{port}", "http://127.0.0.2:{port}", 403),
        ("evil.example:{port}", "http://evil.example:{port}", 403),
        ("photos.example", "https://evil.example", 403),
    ],
)
def test_a_page_for_other_machines_goes_by_names_that_were_allowed(open_port, host, origin, status):
    assert shaken_hands(open_port, host, origin, address="127.0.0.2") == status


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--host", "192.0.2.1"], "address 192.0.2.1: cannot be used (Cannot assign requested address);"),
        (["--host", "photos"], "must be an address such as 127.0.0.1 or 0.0.0.0, not photos"),
        (["--allowed-host", "*"], "must be a name such as photos.example.org, without a port, not *"),
        (["--allowed-host", "https://photos.example"], "not https://photos.example"),
        (["--allowed-host", "photos.example:8501"], "not photos.example:8501"),
    ],
)
def test_where_the_page_cannot_be_served_is_one_sentence(options, words, tmp_path, capsys):
    with suppress(SystemExit):
        assert cli.main(["app", "--library", str(tmp_path), *options]) == 2
    err = capsys.readouterr().err
    assert words in err and err.count("\n") == 1


def test_a_page_for_other_machines_is_served_with_a_warning(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(os, "execve", lambda *_: None)
    monkeypatch.setattr("subprocess.call", lambda *_, **__: 0)
    for host, told in {"127.0.0.1": False, "127.0.0.2": False, "0.0.0.0": True}.items():
        ui.serve(str(tmp_path), 0, host=host)
        assert ("no password" in capsys.readouterr().err) is told, host
