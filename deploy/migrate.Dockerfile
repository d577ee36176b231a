# The migration tool: a static binary on nothing, as a user without rights, with a root file system that may be read-only.
# deploy/push names the builder by its digest.
ARG BUILDER=docker.io/library/rust:1.94-alpine
FROM ${BUILDER} AS build
RUN apk add --no-cache musl-dev
WORKDIR /src
COPY . .
RUN cargo build --release --locked -p migrate && cp target/release/migrate /migrate

# Runs it once where there is nothing else: a binary that is not static ends the build here, and not in a cluster.
FROM scratch AS tried
COPY --from=build /migrate /migrate
RUN ["/migrate", "--help"]

FROM scratch
COPY --from=tried /migrate /migrate
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
USER 65532:65532
ENTRYPOINT ["/migrate"]
