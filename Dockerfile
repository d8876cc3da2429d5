# SPDX-License-Identifier: Apache-2.0
# The daemon and the operator's command line. Configured by DAYBOOK_SECTION_KEY in the environment; by default
# it listens on the container's loopback only. docker-compose.yml shows what a whole installation sets.

FROM debian:bookworm-slim AS build
WORKDIR /src
COPY scripts/common.sh scripts/install-packages scripts/
RUN scripts/install-packages build
COPY . .
RUN make -s -j "$(nproc)" && make -s install DESTDIR=/out PREFIX=/usr

FROM debian:bookworm-slim
# What the programs link, and curl for the health check. A pinned version is gone from the archive with the
# next security fix.
# hadolint ignore=DL3008
RUN apt-get update -qq \
    && apt-get install -y -qq --no-install-recommends \
        ca-certificates curl libcurl4 libjansson4 libmicrohttpd12 libpq5 librdkafka1 libsmartcols1 libssl3 \
        libxxhash0 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin daybook
COPY --from=build /out/usr/ /usr/
# The ones that come with it; mount a directory of your own files over it, or name another.
ENV DAYBOOK_PROJECTION_DIRECTORY=/usr/share/daybook/projections
USER 10001
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s \
    CMD ["curl", "-fsS", "-o", "/dev/null", "http://127.0.0.1:8080/livez"]
ENTRYPOINT ["daybookd"]
CMD ["serve"]
