"""A real mail server for the tests: aiosmtpd on a free port of this machine.

Prints "listening: PORT", then one line of JSON for each letter it takes. Arguments: none | starttls|tls CERTIFICATE KEY USER PASSWORD.
With "tls" the line is encrypted from its first byte on.
Receivers called "busy" are put off once (451); those called "nobody" are refused for good (550), those called "refused"
only after their letter (554). Once each: "slow" is answered after five seconds, "twice" gets two answers to one command,
"drop" none and the end of the line, "closing" a 421.
"""
import asyncio
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

put_off = set()


class Keep:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody"):
            return "550 no such person here"
        if address.startswith("busy") and address not in put_off:
            put_off.add(address)
            return "451 too busy, come back"
        if address.startswith("twice") and address not in put_off:
            put_off.add(address)
            return "250 OK\r\n250 OK"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        letter = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "tls": server.transport.get_extra_info("sslcontext") is not None,
            "user": str(session.auth_data or ""),
            "text": envelope.content.decode("utf-8", "replace"),
        }
        receiver = envelope.rcpt_tos[0]
        if receiver.startswith("refused"):
            return "554 not this one"
        first = receiver not in put_off
        put_off.add(receiver)
        if first and receiver.startswith("closing"):
            return "421 going away"
        print(json.dumps(letter), flush=True)
        if first and receiver.startswith("slow"):
            await asyncio.sleep(5)
        if first and receiver.startswith("drop"):
            server.transport.abort()
        return "250 taken"


def settings(arguments):
    """What the server asks for, and what the line is wrapped in from its first byte on."""
    if arguments[0] == "none":
        return {}, None
    way, certificate, key, user, password = arguments
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def who(server, session, envelope, mechanism, data):
        right = isinstance(data, LoginPassword) and (data.login, data.password) == (user.encode(), password.encode())
        return AuthResult(success=right, handled=False, auth_data=user)

    asked = {"auth_required": True, "authenticator": who}
    if way == "tls":
        # It knows of STARTTLS alone; here nothing is ever said on an open line.
        return asked | {"auth_require_tls": False}, context
    return asked | {"tls_context": context, "require_starttls": True}, None


async def main():
    loop = asyncio.get_running_loop()
    wanted, wrapped = settings(sys.argv[1:])
    server = await loop.create_server(lambda: SMTP(Keep(), loop=loop, **wanted), "127.0.0.1", 0, ssl=wrapped)
    print("listening:", server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
