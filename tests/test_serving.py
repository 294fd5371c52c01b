"""Who may have the page: a browser on this machine that asks for it by its own address, and nobody else."""

import base64
from http.client import HTTPConnection

import pytest

from tests.serving import served

pytest.importorskip("streamlit")


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    with served(tmp_path_factory.mktemp("serving") / "library") as address:
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
