# Waypost as an image: the executable on Debian slim, nothing added but itself.
#
#   docker build -t waypost .
#   docker run -p 127.0.0.1:8080:8080 -v waypost:/data -e ADMIN_TOKEN="$(openssl rand -hex 24)" waypost
#
# It listens on all of the container's addresses, so it refuses to start without ADMIN_TOKEN (or AUTH=off, on purpose).
# All that is kept is in the volume /data. `docker exec CONTAINER waypost …` runs every other command.
#
# Behind a registry or a TLS proxy of your own: --secret id=npmrc,src=$HOME/.npmrc and --secret id=ca,src=CA.pem

# Built on the builder's own platform, for the target's: Bun compiles across, so no emulation is needed.
FROM --platform=$BUILDPLATFORM oven/bun:1.4.5 AS build
ENV NODE_EXTRA_CA_CERTS=/run/secrets/ca
WORKDIR /waypost

COPY package.json bun.lock bunfig.toml ./
COPY patches patches
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc --mount=type=secret,id=ca \
    bun install --frozen-lockfile

COPY tsconfig.json build.ts sbom.ts ./
COPY sql sql
COPY console console
COPY src src

ARG COMMIT=unknown
ARG DATE=unknown
ARG TARGETARCH
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc --mount=type=secret,id=ca \
    case "${TARGETARCH:-native}/$(uname -m)" in \
      native/* | amd64/x86_64 | arm64/aarch64) target= name=waypost ;; \
      amd64/*) target=linux-x64-baseline name=waypost-linux-x64-baseline ;; \
      arm64/*) target=linux-arm64 name=waypost-linux-arm64 ;; \
      *) echo "no build for $TARGETARCH" >&2; exit 1 ;; \
    esac \
    && WAYPOST_COMMIT=$COMMIT WAYPOST_DATE=$DATE bun run build ${target:+--target=$target} \
    && mkdir -p /out/data && mv "dist/$name" /out/waypost

# Nothing is run in this stage, so it is the same for every platform.
FROM debian:bookworm-slim
ARG COMMIT=unknown
ARG DATE=unknown
LABEL org.opencontainers.image.title="Waypost" \
      org.opencontainers.image.description="A self-hosted URL shortener that survives" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.revision="$COMMIT" \
      org.opencontainers.image.created="$DATE"

COPY LICENSE /usr/share/doc/waypost/LICENSE
COPY --from=build --chown=10001:10001 /out/data /data
COPY --from=build /out/waypost /usr/local/bin/waypost

# A fixed number, so that a volume keeps its owner from one release to the next.
USER 10001:10001
WORKDIR /data
VOLUME /data
ENV DATA_DIR=/data HOST=0.0.0.0
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=4s --start-period=30s --retries=3 CMD ["waypost", "healthcheck"]
ENTRYPOINT ["waypost"]
CMD ["serve"]
