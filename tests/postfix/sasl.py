"""Who may log in at Postfix: what it asks Dovecot for (its authentication protocol), for one user and password.

https://doc.dovecot.org/developer_manual/design/auth_protocol/
"""

import base64
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

USER, PASSWORD = "mailbot", "correct horse battery"


class _Asked(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        pid = 1
        self.wfile.write(
            f"VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nMECH\tLOGIN\tplaintext\nSPID\t{pid}\nCUID\t1\nCOOKIE\t{'0' * 32}\n"
            "DONE\n".encode()
        )
        for line in self.rfile:
            verb, *arguments = line.decode().rstrip("\n").split("\t")
            if verb == "AUTH":
                given = next((word[5:] for word in arguments if word.startswith("resp=")), "")
                good = base64.b64decode(given).decode().split("\0")[-2:] == [USER, PASSWORD]
                answer = f"OK\t{arguments[0]}\tuser={USER}" if good else f"FAIL\t{arguments[0]}\tuser={USER}"
                self.wfile.write(f"{answer}\n".encode())


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


@contextmanager
def answering(path: Path) -> Iterator[None]:
    with _Server(str(path), _Asked) as server:
        path.chmod(0o666)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
