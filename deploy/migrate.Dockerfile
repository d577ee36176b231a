# The migration tool: a static binary on nothing, as a user without rights, with a root file system that may be read-only.
# Untried: no builder was at hand. The base image is to be named by its digest in a release.
FROM docker.io/library/rust:1.94-alpine AS build
RUN apk add --no-cache musl-dev
WORKDIR /src
COPY . .
RUN cargo build --release --locked -p migrate && cp target/release/migrate /migrate

FROM scratch
COPY --from=build /migrate /migrate
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
USER 65532:65532
ENTRYPOINT ["/migrate"]
