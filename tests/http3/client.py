"""One request over HTTP/3. Prints a JSON object a line: the header, each piece of the body as it comes, the end.

With --session the ticket of an earlier connection is used and the new one kept, so that the request may be early data.
"""

import argparse
import asyncio
import json
import os
import pickle
import sys
from urllib.parse import urlsplit

from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ConnectionTerminated, StreamReset


def say(**what):
    print(json.dumps(what), flush=True)


class Client(QuicConnectionProtocol):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.http = H3Connection(self._quic)
        self.over = asyncio.get_running_loop().create_future()

    def request(self, method, url, fields, body):
        stream = self._quic.get_next_available_stream_id()
        length = [] if body is None else [("content-length", str(len(body.encode())))]
        pseudo = [(":method", method), (":scheme", "https"), (":authority", url.netloc)]
        path = url.path + (f"?{url.query}" if url.query else "")
        headers = [(name.encode(), value.encode()) for name, value in [*pseudo, (":path", path), *fields, *length]]
        self.http.send_headers(stream, headers, end_stream=body is None)
        if body is not None:
            self.http.send_data(stream, body.encode(), end_stream=True)
        self.transmit()

    def quic_event_received(self, event):
        if isinstance(event, (ConnectionTerminated, StreamReset)):
            self.finish(False, getattr(event, "reason_phrase", "") or str(event.error_code))
        for told in self.http.handle_event(event):
            if isinstance(told, HeadersReceived):
                fields = {name.decode(): value.decode() for name, value in told.headers}
                say(kind="header", status=int(fields.pop(":status")), fields=fields)
            elif isinstance(told, DataReceived) and told.data:
                say(kind="data", text=told.data.decode())
            if getattr(told, "stream_ended", False):
                self.finish(True)

    def finish(self, complete, reason=""):
        if self.over.done():
            return
        say(kind="end", complete=complete, reason=reason, early=self._quic.tls.early_data_accepted)
        self.over.set_result(None)


async def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("url")
    arguments.add_argument("--ca", required=True)
    arguments.add_argument("--address", required=True, help="where the server of that name is")
    arguments.add_argument("--method", default="GET")
    arguments.add_argument("--header", action="append", default=[])
    arguments.add_argument("--body")
    arguments.add_argument("--session")
    given = arguments.parse_args()
    url = urlsplit(given.url)

    configuration = QuicConfiguration(is_client=True, alpn_protocols=H3_ALPN, server_name=url.hostname)
    configuration.load_verify_locations(given.ca)
    if given.session and os.path.exists(given.session):
        with open(given.session, "rb") as file:
            configuration.session_ticket = pickle.load(file)

    def keep(ticket):
        if given.session:
            with open(given.session, "wb") as file:
                pickle.dump(ticket, file)
        say(kind="ticket", max_early_data_size=ticket.max_early_data_size)

    async with connect(
        given.address,
        url.port,
        configuration=configuration,
        create_protocol=Client,
        session_ticket_handler=keep,
        # What is asked before the handshake is over leaves as early data where the ticket allows it.
        wait_connected=False,
    ) as client:
        early = configuration.session_ticket is not None and bool(configuration.session_ticket.max_early_data_size)
        if not early:
            client.transmit()
            await client.wait_connected()
        fields = [tuple(header.split(": ", 1)) for header in given.header]
        client.request(given.method, url, fields, given.body)
        await client.over
        # The ticket may follow the answer.
        if given.session:
            await asyncio.wait_for(client.ping(), 5)


try:
    asyncio.run(main())
except (ConnectionError, OSError, asyncio.TimeoutError) as error:
    print(f"no HTTP/3: {error!r}", file=sys.stderr)
    sys.exit(1)
