# The image of the agent; docs/image.md says how to use it. script/image does these steps without a container
# engine, and a test compares the two.
#
#   args="--build-arg COMMIT=$(git rev-parse HEAD) --build-arg SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)"
#   docker build -t narthex:0.1.0 $args .
#   docker build --target symbols --output symbols $args .      # for backtraces; never part of the image

FROM swift:6.3.1-bookworm AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends binutils ca-certificates libcurl4-openssl-dev \
        libdeflate-dev libexpat1-dev libprotobuf-c-dev libre2-dev libssl-dev libyaml-dev \
        pkg-config python3 zlib1g-dev
WORKDIR /source
COPY . .
ARG COMMIT
ARG SOURCE_DATE_EPOCH
RUN NARTHEX_COMMIT="$COMMIT" swift build -c release --static-swift-stdlib -Xlinker --no-export-dynamic \
    --product narthex
RUN script/image-root .build/release /image /symbols

FROM scratch AS symbols
COPY --from=build /symbols/ /

FROM debian:12-slim
# 65534 is nobody, as in prom/prometheus: volumes and EFS access points of that image fit. A new volume takes
# the owner of the folder that it is mounted on.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libcurl4 libdeflate0 libexpat1 libprotobuf-c1 \
        libre2-9 libssl3 libstdc++6 libyaml-0-2 zlib1g \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/lib/dpkg/*-old \
        /var/log/apt /var/log/dpkg.log \
    && install --directory --owner=65534 --group=65534 /prometheus /output
# The package of the certificates would bring the openssl command, 2 MB that nothing here uses.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /image/ /
ARG COMMIT
ARG CREATED
LABEL org.opencontainers.image.title="narthex" \
    org.opencontainers.image.description="Scrapes Prometheus exporters and ships to Amazon Managed Prometheus" \
    org.opencontainers.image.version="0.1.0" \
    org.opencontainers.image.revision="$COMMIT" \
    org.opencontainers.image.created="$CREATED" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.base.name="docker.io/library/debian:12-slim"
# Loopback, the program's own default, would hide the pages from everybody outside the container.
ENV NARTHEX_WEB_LISTEN_ADDRESS="0.0.0.0:9090" \
    NARTHEX_DEFAULT_CONFIG_FILE="/etc/prometheus/prometheus.yml"
WORKDIR /prometheus
VOLUME ["/prometheus", "/output"]
EXPOSE 9090
USER 65534:65534
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 CMD ["narthex", "healthcheck"]
ENTRYPOINT ["narthex"]
