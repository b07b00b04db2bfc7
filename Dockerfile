# Two stages: the first installs, the second holds nothing but Python and what runs.
#
#   docker build -t connector .
#   docker run -p 8443:8443 -v ./config:/etc/connector:ro -v connector-state:/var/lib/connector connector
#
# connector.toml is in /etc/connector, read-only; what the program writes is in /var/lib/connector:
#
#   [state]
#   url = "sqlite:////var/lib/connector/state.db"
#   [idp]
#   listen = "0.0.0.0:8443"
#   keys = "/var/lib/connector/keys"
ARG PYTHON=python:3.11-slim-bookworm

FROM ${PYTHON} AS build
WORKDIR /src
COPY pyproject.toml README.md ./
COPY connector ./connector
COPY state ./state
COPY mappings ./mappings
RUN pip install --no-cache-dir --disable-pip-version-check --prefix=/install ".[postgresql]"

FROM ${PYTHON}
# The number is fixed, so that owners of mounted volumes can be set beforehand.
RUN groupadd --system --gid 10001 connector \
    && useradd --system --uid 10001 --gid connector --no-create-home --home-dir /var/lib/connector \
       --shell /usr/sbin/nologin connector \
    && install -d -o connector -g connector -m 0750 /var/lib/connector \
    && install -d -m 0755 /etc/connector
COPY --from=build /install /usr/local
ENV CONNECTOR_CONFIG=/etc/connector/connector.toml \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /var/lib/connector
# State database and signing keys; the configuration is mounted read-only at /etc/connector.
VOLUME /var/lib/connector
EXPOSE 8443
# SIGTERM ends the cycle between two operations.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9090/healthz', timeout=4)"]
ENTRYPOINT ["connector"]
CMD ["run"]
