"""Who may have the page: a browser on this machine that asks for it by its own address, and nobody else."""

import base64
import socket
from http.client import HTTPConnection

import pytest

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


def shaken_hands(port, host, origin):
    """The status that a browser gets which begins a conversation with the page."""
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
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
