"""A token endpoint: client credentials in, unsecured JWS (RFC 7515, appendix A.5) out, over HTTPS."""

import base64
import json
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CLIENT, SECRET = "oncofhir", "the-client-secret"


def unsecured_jws(subject, seconds):
    now = time.time()
    parts = ({"alg": "none"}, {"sub": subject, "iat": now, "exp": now + seconds})
    encoded = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts
    ]
    return ".".join(encoded) + "."


class TokenEndpoint:
    """Counts what it is asked; `seconds` is the life of its tokens, `status` what it answers instead."""

    def __init__(self, certificate, seconds=3600.0):
        self.seconds = seconds
        self.status = 200
        self.asked = 0
        self.forms = []
        endpoint = self

        class Answer(BaseHTTPRequestHandler):
            def do_POST(self):
                endpoint.asked += 1
                endpoint.forms.append(self.rfile.read(int(self.headers["content-length"])).decode())
                wanted = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
                allowed = self.headers.get("authorization") == f"Basic {wanted}"
                token = {
                    "access_token": unsecured_jws("oncofhir", endpoint.seconds),
                    "expires_in": endpoint.seconds,
                    "token_type": "Bearer",
                }
                content = json.dumps(token if allowed else {"error": "invalid_client"}).encode()
                self.send_response(endpoint.status if allowed else 401)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_):
                pass

        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"https://localhost:{self._server.server_port}/token"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
