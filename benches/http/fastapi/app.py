"""The FastAPI servers of the comparison: bare, and with fastapi-cache2 in memory or in Redis.

KIND, SIZE and REDIS_URL come from the environment.
"""

import os
from contextlib import asynccontextmanager

from fastapi import FastAPI, Response
from fastapi.responses import HTMLResponse
from fastapi_cache import FastAPICache
from fastapi_cache.backends.inmemory import InMemoryBackend
from fastapi_cache.backends.redis import RedisBackend
from fastapi_cache.decorator import cache
from redis import asyncio as redis

KIND = os.environ["KIND"]
BODY = "x" * int(os.environ["SIZE"])
MAX_AGE = 86_400

calls = 0


def backend():
    if KIND == "redis":
        return RedisBackend(redis.from_url(os.environ["REDIS_URL"]))
    return InMemoryBackend()


@asynccontextmanager
async def lifespan(_: FastAPI):
    if KIND != "bare":
        # the size is part of the prefix: each size has its own run, Redis has one
        FastAPICache.init(backend(), prefix=f"fastapi:{len(BODY)}")
    yield


app = FastAPI(lifespan=lifespan)

if KIND == "bare":

    @app.get("/products/{id}", response_class=HTMLResponse)
    async def product(id: int, response: Response) -> str:
        global calls
        calls += 1
        response.headers["cache-control"] = f"max-age={MAX_AGE}"
        return BODY

else:

    @app.get("/products/{id}", response_class=HTMLResponse)
    @cache(expire=MAX_AGE)
    async def product(id: int) -> str:
        global calls
        calls += 1
        return BODY


@app.get("/calls")
async def report() -> Response:
    return Response(str(calls), headers={"cache-control": "no-store"})
