# Bastion without its demo: docker build -t bastion .
# Nothing secret goes in: secrets come at run time, as files (BASTION_..._FILE). See docs/install.md.
FROM python:3.13-slim-trixie AS build
# Compiles the decision path (setup.py); stays behind.
RUN apt-get update \
 && apt-get install -y --no-install-recommends gcc libc6-dev
WORKDIR /src
RUN python -m venv /opt/bastion
COPY requirements-compile.lock ./
RUN /opt/bastion/bin/pip install --require-hashes --only-binary=:all: -r requirements-compile.lock
COPY pyproject.toml setup.py README.md ./
COPY gateway ./gateway
# docker build --build-arg COMMIT=$(git rev-parse HEAD); `bastion version` prints it.
ARG COMMIT=""
ENV BASTION_COMPILE=1 BASTION_COMMIT=$COMMIT
# What installs and builds stays behind too.
RUN /opt/bastion/bin/pip install --no-index --no-deps --no-build-isolation . \
 && /opt/bastion/bin/pip uninstall -y mypy mypy-extensions ast-serialize librt pathspec asyncpg-stubs types-pyyaml setuptools pip

FROM python:3.13-slim-trixie
RUN groupadd --system --gid 10001 bastion \
 && useradd --system --uid 10001 --gid bastion --home-dir /var/lib/bastion --shell /usr/sbin/nologin bastion \
 && install -d -o bastion -g bastion -m 750 /run/bastion \
 && install -d -o bastion -g bastion -m 700 /var/lib/bastion \
 && install -d /etc/bastion/policies
COPY --from=build /opt/bastion /opt/bastion
ENV PATH=/opt/bastion/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    BASTION_DATA_DIR=/var/lib/bastion \
    BASTION_POLICY_DIRECTORY=/etc/bastion/policies
USER bastion
VOLUME ["/run/bastion", "/var/lib/bastion"]
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s CMD ["bastion", "health"]
ENTRYPOINT ["bastion"]
CMD ["serve"]
