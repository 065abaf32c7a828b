# Built in one stage, run in another: no compiler and no package manager's leftovers in what runs.
# PYTHON_IMAGE has to be given, by its digest: python:3.13-slim@sha256:… (docs/deploy.md says how to find it).
ARG PYTHON_IMAGE
FROM ${PYTHON_IMAGE} AS build
ARG PYTHON_IMAGE
RUN case "$PYTHON_IMAGE" in *@sha256:*) ;; *) echo "PYTHON_IMAGE: expected an image by its digest, python:3.13-slim@sha256:..." >&2; exit 1;; esac
WORKDIR /src
RUN apt-get update && apt-get install -y --no-install-recommends gcc g++ libc6-dev && rm -rf /var/lib/apt/lists/*
RUN python -m venv /app
COPY requirements.lock ./
RUN /app/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.lock
COPY requirements-dev.lock pyproject.toml README.md LICENSE ./
COPY src src
COPY migrations migrations
COPY rulebooks rulebooks
# The build tools come from the lock as well; they stay in this stage.
RUN python -m venv /tools \
 && /tools/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps --require-hashes -r requirements-dev.lock \
 && /tools/bin/python -m hatchling build -t wheel -d /wheel \
 && /app/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps /wheel/*.whl

FROM ${PYTHON_IMAGE}
COPY --from=build /app /app
RUN mkdir /data && chown 10001:10001 /data
USER 10001:10001
WORKDIR /data
VOLUME /data
ENV PATH=/app/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    TSBRIDGE_HOST=0.0.0.0 \
    TSBRIDGE_PORT=8080
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=8s --start-period=30s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ['TSBRIDGE_PORT'] + '/livez', timeout=6).read()"]
ENTRYPOINT ["tsbridge"]
CMD ["serve"]
