"""Serves: `python -m service HOST PORT`."""

import sys

import uvicorn

from . import settings

if __name__ == "__main__":
    uvicorn.run(
        "service.main:app",
        host=sys.argv[1],
        port=int(sys.argv[2]),
        workers=settings.WORKERS,
        loop="uvloop",
        http="httptools",
        ws="none",
        access_log=False,
        log_level="warning",
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=75,
    )
