"""Settings: the environment variables that the app's own host reads, with the defaults of spin.toml."""

import base64
import os


def _text(name: str, default: str = "") -> str:
    return os.environ.get(f"SPIN_VARIABLE_{name}") or default


DB_HOST = _text("DB_HOST", "127.0.0.1")
DB_PORT = int(_text("DB_PORT", "5432"))
DB_NAME = _text("DB_NAME", "bizosaas")
DB_SSLMODE = _text("DB_SSLMODE", "prefer")
DB_USER_AUTH = _text("DB_USER_AUTH", "bizo_auth")
DB_USER_CRM = _text("DB_USER_CRM", "bizo_crm")
DB_PASSWORD_AUTH = _text("DB_PASSWORD_AUTH")
DB_PASSWORD_CRM = _text("DB_PASSWORD_CRM")

REDIS_HOST = _text("REDIS_HOST", "127.0.0.1")
REDIS_PORT = int(_text("REDIS_PORT", "6379"))
REDIS_PASSWORD = _text("REDIS_PASSWORD")

JWT_PRIVATE_KEY = _text("JWT_PRIVATE_KEY")
JWT_PUBLIC_KEYS = _text("JWT_PUBLIC_KEYS")
JWT_ISSUER = _text("JWT_ISSUER", "bizosaas")
JWT_AUDIENCE = _text("JWT_AUDIENCE", "bizosaas")
HMAC_KEY = base64.b64decode(_text("REFRESH_SECRET"))
PASSWORD_CHARS_MIN = int(_text("PASSWORD_MIN_LENGTH", "8"))

TRUSTED_PROXY_HOPS = int(_text("TRUSTED_PROXY_HOPS", "0"))
RATE_LIMIT_USER = int(_text("RATE_LIMIT_USER", "300"))
RATE_LIMIT_TENANT = int(_text("RATE_LIMIT_TENANT", "1200"))
RATE_LIMIT_ADDRESS = int(_text("RATE_LIMIT_ADDRESS", "60"))

# How the lead routes talk to Postgres: see README.md.
STATEMENTS = os.environ.get("STATEMENTS") or "functions"
if STATEMENTS not in ("functions", "plain"):
    raise SystemExit("STATEMENTS must be `functions` or `plain`")

# Connections of one worker and one of its two pools: 60 in all with two workers, which is the host's cap.
WORKERS = int(os.environ.get("WORKERS") or "2")
POOL = int(os.environ.get("POOL") or str(max(1, 30 // WORKERS)))
