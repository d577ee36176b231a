"""Makes the services' database and tables, as a migration would before they start, or drops databases.

`python prepare.py create <name>`, `python prepare.py drop <name>…`; TEST_DATABASE_URL is an administrator's address.
"""

import asyncio
import os
import sys

import asyncpg


async def administrate(statements: list[str]) -> None:
    connection = await asyncpg.connect(os.environ["TEST_DATABASE_URL"])
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def create_tables() -> None:
    import auth_service
    import crm_service
    import payments_service

    for service in (auth_service, payments_service, crm_service):
        async with service.engine.begin() as connection:
            await connection.run_sync(service.Base.metadata.create_all)
        await service.engine.dispose()


async def main(command: str, *names: str) -> None:
    if command == "drop":
        await administrate([f'drop database if exists "{name}" with (force)' for name in names])
    else:
        await administrate([f'create database "{name}"' for name in names])
        await create_tables()


asyncio.run(main(*sys.argv[1:]))
