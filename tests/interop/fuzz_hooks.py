"""What schemathesis is kept from sending: headers beyond ASCII. Spin answers those with 500 itself, before any component runs."""

import schemathesis


@schemathesis.hook
def filter_headers(_, headers):
    """Whether a request's headers may be sent."""
    return all(str(value).isascii() for value in dict(headers or {}).values())
