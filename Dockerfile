# Stages: the media plane is compiled where a compiler is, packages are installed where pip is, and only the
# results are kept.
FROM python:3.11-slim AS compiled
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*
COPY requirements-compile.lock /tmp/
RUN python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --require-hashes --only-binary=:all: --requirement /tmp/requirements-compile.lock
WORKDIR /src
COPY media ./media
COPY .ci/compile.py ./.ci/compile.py
RUN /venv/bin/python .ci/compile.py /compiled

FROM python:3.11-slim AS packages
COPY requirements.lock /tmp/
RUN python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --require-hashes --only-binary=:all: --requirement /tmp/requirements.lock

FROM python:3.11-slim
# FIRST_ROOM: links let people in, so they don't belong into the container's log. Make one with `token`.
ENV PATH=/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    ROOMTONE_HOST=0.0.0.0 \
    ROOMTONE_PORT=8080 \
    ROOMTONE_MEDIA_PORT=3478 \
    ROOMTONE_DATA_DIRECTORY=/data \
    ROOMTONE_FIRST_ROOM=false
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin roomtone \
    && install -d -o roomtone -g roomtone -m 700 /data
COPY --from=packages /venv /venv
WORKDIR /app
COPY LICENSE ./
COPY server ./server
COPY --from=compiled /compiled ./
COPY static ./static
USER roomtone
# The secret that signs the links. Lose it and all links stop working.
VOLUME /data
EXPOSE 8080/tcp 3478/udp 3478/tcp
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/healthz', timeout=3)"]
ENTRYPOINT ["python", "-m", "server"]
CMD ["serve"]
