#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""apiserver - HTTPS servers on loopback that answer, or fail to, as their name and the path say.

    tests/lib/apiserver.py DIR

Makes keys and certificates in DIR with openssl, prints a line "NAME PORT" for each server and then
"ready", and serves until its standard input ends. Servers: good (certificate by ca.crt for
127.0.0.1 and api.test), name (for another name), expired, stranger (by another authority), client
(wants a certificate of ca.crt), deaf (takes connections and says nothing), closed (nobody there).

Below /recorded, and for the token "in-cluster" everywhere, it is the server that tests/data/kube was
recorded from; below /recorded-slow, -busy, -garbage its services are not to be had, and
/recorded-expires takes the token a few times only. Asking it for a secret ends it.
"""
import json
import os
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../data/kube")
NAMES = "IP:127.0.0.1,DNS:api.test"
seen = {}  # how often a path came
lock = threading.Lock()


def openssl(*args):
    subprocess.run(["openssl", *args], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)


def authority(name):
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", f"{name}.key", "-out", f"{name}.crt", "-days", "2", "-subj", f"/CN={name}")


def certificate(name, ca, names, days="2"):
    openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
    with open(f"{name}.ext", "w", encoding="ascii") as f:
        f.write(f"subjectAltName={names}\n")
    openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{ca}.crt", "-CAkey", f"{ca}.key",
            "-set_serial", str(abs(hash(name)) % 10**9), "-days", days, "-extfile", f"{name}.ext",
            "-out", f"{name}.crt")


def count(path):
    with lock:
        seen[path] = seen.get(path, 0) + 1
        return seen[path]


def answer(conn, status, body, *headers):
    if not isinstance(body, bytes):
        body = json.dumps(body, separators=(",", ":")).encode()
    lines = [f"HTTP/1.1 {status} Text", "Content-Type: application/json",
             f"Content-Length: {len(body)}", *headers, "", ""]
    conn.sendall("\r\n".join(lines).encode() + body)


def failure(conn, code, reason, message, *headers):
    answer(conn, code, {"kind": "Status", "apiVersion": "v1", "status": "Failure",
                        "message": message, "reason": reason, "code": code}, *headers)


def trickle(conn, data, pause):
    for byte in data:
        conn.sendall(bytes([byte]))
        time.sleep(pause)


def reset(conn):
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    os.close(conn.detach())


def flood(conn, piece):
    while True:
        conn.sendall(piece)


def page(conn, query):
    number = int(query.get("continue", "p0")[1:])
    more = {"continue": f"p{number + 1}"} if number < 3 else {}
    answer(conn, 200, {"kind": "PodList", "apiVersion": "v1", "metadata": more,
                       "items": [{"metadata": {"name": f"n{number}", "continue": "no"}}] * 5})


def hostile(conn, what, times):
    """Servers that do not play by the rules; all but 'length' end their connection."""
    endless = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    if what == "slow-headers":
        trickle(conn, b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 100, 0.02)
    elif what == "slow-body":
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        trickle(conn, b"x" * 1000, 0.02)
    elif what == "endless-body":
        conn.sendall(endless)
        flood(conn, b"10000\r\n" + b"x" * 65536 + b"\r\n")
    elif what == "endless-headers":
        conn.sendall(b"HTTP/1.1 200 OK\r\n")
        flood(conn, b"X-A: " + b"b" * 1000 + b"\r\n")
    elif what == "endless-error":
        conn.sendall(endless.replace(b"200", b"500"))
        flood(conn, b"10000\r\n" + b"x" * 65536 + b"\r\n")
    elif what == "reset":
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nbegin")
        time.sleep(0.05)
        reset(conn)
    elif what == "short":
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nbegin")
    elif what == "nothing":
        pass
    elif what == "not-http":
        conn.sendall(b"SSH-2.0-OpenSSH_9\r\n")
    elif what == "stale" and times > 1:
        answer(conn, 200, {"kind": "Namespace"})


# the end of a path, the file that was recorded
RECORDED = {
    "/apis": "apis", "/version": "version", "/pods/web-7559bb68dc-cqfj7": "pod",
    "/replicasets/web-7559bb68dc": "replicaset", "/deployments/web": "deployment",
    "/clusterrolebindings": "clusterrolebindings", "/rolebindings": "rolebindings",
    "/networkpolicies": "networkpolicies", "/services": "services",
    "/endpointslices": "endpointslices",
}
EVENT = {"type": "Warning", "reason": "BackOff", "message": "https://u:hunter2@h/ is down",
         "lastTimestamp": "2026-01-01T00:00:00Z",
         "involvedObject": {"kind": "Pod", "name": "web-7559bb68dc-cqfj7"}}
ROLE = {"rules": [{"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"]}]}


def load(name):
    with open(f"{DATA}/{name}.json", encoding="utf-8") as f:
        return json.load(f)


def recorded(conn, mode, path, query):
    """False: the connection ends."""
    if "secret" in path:
        os._exit(1)
    if mode == "expires" and count("expires") > 6:
        failure(conn, 401, "Unauthorized", "Unauthorized")
    elif mode == "slow" and path.endswith("/services"):
        conn.recv(1)
        return False
    elif mode == "busy" and path.endswith("/services"):
        failure(conn, 429, "TooManyRequests", "too many requests", "Retry-After: 86400")
    elif mode == "garbage" and path.endswith("/services"):
        answer(conn, 200, b'{"items":[{"spec":{"password":')
    elif "fieldSelector" in query and path.endswith("/pods"):
        pod, asked = load("pod"), query["fieldSelector"].rpartition("%3D")[2]
        answer(conn, 200, {"items": [pod] * (pod["status"]["podIP"] == asked)})
    elif path.endswith("/pods"):
        answer(conn, 200, {"items": [load("pod")]})
    elif path.endswith("/events"):
        answer(conn, 200, {"kind": "EventList", "items": [EVENT]})
    elif path.endswith("/log"):
        answer(conn, 200, b"2026-01-01T00:00:00Z a line\n")
    elif "/clusterroles/" in path or "/roles/" in path:
        answer(conn, 200, ROLE)
    elif path.split("/")[-2] in ("nodes", "namespaces", "serviceaccounts"):
        answer(conn, 200, {"metadata": {"name": path.rpartition("/")[2]}})
    else:
        for end, name in RECORDED.items():
            if path.endswith(end):
                answer(conn, 200, load(name))
                break
        else:
            failure(conn, 404, "NotFound", "nothing was recorded")
    return True


def serve_path(conn, path, query, headers):
    """False: the connection ends."""
    first, _, rest = path[1:].partition("/")
    if first.startswith("recorded"):
        return recorded(conn, first[len("recorded-"):], "/" + rest, query)
    if headers.get("authorization") == "Bearer in-cluster":
        return recorded(conn, "", path, query)
    what, times = path.rsplit("/", 1)[-1], count(path)
    if what == "plain":
        answer(conn, 200, {"kind": "Namespace"})
    elif what == "echo":
        answer(conn, 200, {"headers": headers, "query": query})
    elif what == "needs-token":
        if headers.get("authorization") == "Bearer good-token":
            answer(conn, 200, {"kind": "Namespace"})
        else:
            failure(conn, 401, "Unauthorized", "Unauthorized")
    elif what == "forbidden":
        failure(conn, 403, "Forbidden", 'pods "web" is forbidden: User "u" cannot get it')
    elif what == "missing":
        failure(conn, 404, "NotFound", 'pods "web" not found')
    elif what == "gone":
        failure(conn, 410, "Expired", "too old resource version")
    elif what == "busy-once" and times == 1:
        failure(conn, 429, "TooManyRequests", "too many requests", "Retry-After: 1")
    elif what == "busy-long":
        failure(conn, 429, "TooManyRequests", "too many requests", "Retry-After: 86400")
    elif what == "error":
        failure(conn, 500, "InternalError", "etcd is gone")
    elif what == "no-json":
        answer(conn, 503, b"upstream connect error\x1b[31m")
    elif what == "redirect":
        answer(conn, 302, b"", f"Location: https://127.0.0.1:{ports['stranger']}/api/v1/nodes")
    elif what == "gzip":
        answer(conn, 200, b"\x1f\x8b\x08\x00", "Content-Encoding: gzip")
    elif what == "pages":
        page(conn, query)
    elif what == "pages-gone":
        if "continue" in query:
            failure(conn, 410, "Expired", "The provided continue parameter is too old")
        else:
            page(conn, query)
    elif what == "pages-endless":
        answer(conn, 200, {"metadata": {"continue": f"t{times}"}, "items": ["x" * 1000]})
    elif what == "busy-once":
        answer(conn, 200, {"kind": "Namespace"})
    elif what == "seen":
        answer(conn, 200, seen)
    else:
        hostile(conn, what, times)
        return False
    return True


def serve(conn, context):
    try:
        conn = context.wrap_socket(conn, server_side=True)
        pending = b""
        while True:
            while b"\r\n\r\n" not in pending:
                piece = conn.recv(65536)
                if not piece:
                    return
                pending += piece
            head, pending = pending.split(b"\r\n\r\n", 1)
            lines = head.decode("latin1").split("\r\n")
            headers = {k.lower(): v.strip() for k, v in (l.split(":", 1) for l in lines[1:])}
            path, _, text = lines[0].split(" ")[1].partition("?")
            query = dict(q.partition("=")[::2] for q in text.split("&")) if text else {}
            if not serve_path(conn, path, query, headers):
                return
    except (OSError, ValueError):
        pass  # what the client makes of it is what is tested
    finally:
        try:
            conn.close()
        except OSError:
            pass


def listen(name, context):
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    ports[name] = listener.getsockname()[1]

    def accept():
        while True:
            conn = listener.accept()[0]
            threading.Thread(target=serve, args=(conn, context), daemon=True).start()

    if context:
        threading.Thread(target=accept, daemon=True).start()
    return listener


def context_of(name, client_ca=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{name}.crt", f"{name}.key")
    if client_ca:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(client_ca)
    return context


def main():
    os.chdir(sys.argv[1])
    authority("ca")
    authority("other")
    certificate("good", "ca", NAMES)
    certificate("name", "ca", "DNS:elsewhere.test")
    certificate("expired", "ca", NAMES, days="-1")
    certificate("stranger", "other", NAMES)
    certificate("user", "ca", "DNS:user.test")
    for name in ("good", "name", "expired", "stranger"):
        listen(name, context_of(name))
    listen("client", context_of("good", "ca.crt"))
    deaf = listen("deaf", None)
    listen("closed", None).close()
    for name, port in ports.items():
        print(name, port)
    print("ready", flush=True)
    sys.stdin.read()
    deaf.close()


ports = {}
if __name__ == "__main__":
    main()
