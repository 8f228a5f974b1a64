"""liar.py PORT ZONE -- a primary that tells of a new serial and then ends each transfer in the middle of the zone."""
import socket
import struct
import sys
import threading

port, zone = int(sys.argv[1]), sys.argv[2]
name = b"".join(bytes([len(label)]) + label.encode() for label in zone.split(".")) + b"\0"
soa = b"\3ns1\xc0\x0c\4host\xc0\x0c" + struct.pack(">IIIII", 99, 3600, 600, 86400, 60)
records = [struct.pack(">HHHIH", 0xC00C, 6, 1, 300, len(soa)) + soa,
    struct.pack(">HHHIH", 0xC00C, 2, 1, 300, 6) + b"\3ns1\xc0\x0c",
    b"\4fake\xc0\x0c" + struct.pack(">HHIH", 1, 1, 300, 4) + b"\xc0\0\2\7"]


def answer(query, count):
    question = query[12:12 + len(name) + 4]
    return query[:2] + struct.pack(">HHHHH", 0x8400, 1, count, 0, 0) + question + b"".join(records[:count])


def stream(server):
    while True:
        connection, _ = server.accept()
        length = struct.unpack(">H", connection.recv(2))[0]
        message = answer(connection.recv(length), 3)
        connection.sendall(struct.pack(">H", len(message)) + message)
        connection.close()


datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
datagrams.bind(("127.0.0.1", port))
connections = socket.create_server(("127.0.0.1", port), reuse_port=False)
threading.Thread(target=stream, args=(connections,), daemon=True).start()
while True:
    request, client = datagrams.recvfrom(4096)
    if request[12:12 + len(name)] == name:
        datagrams.sendto(answer(request, 1), client)
