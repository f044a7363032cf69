# vidlocal with the page, CLIP and the cluster, on a CPU. The models come by `vidlocal setup` into the volume /library.
FROM python:3.13-slim-bookworm AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE Modelfile ./
COPY vidlocal ./vidlocal
RUN python -m venv /opt/vidlocal \
    && /opt/vidlocal/bin/pip install --no-cache-dir ".[cluster,pictures,web]"

FROM python:3.13-slim-bookworm
RUN useradd --uid 1000 --create-home vidlocal \
    && install -d -m 0700 -o vidlocal -g vidlocal /library \
    && install -d /media
COPY --from=build /opt/vidlocal /opt/vidlocal
ENV PATH=/opt/vidlocal/bin:$PATH \
    VIDLOCAL_HOME=/library \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 1000
VOLUME /library
EXPOSE 8421 8786 8787
HEALTHCHECK --interval=60s --timeout=20s --start-period=60s CMD ["vidlocal", "status", "--quiet"]
ENTRYPOINT ["vidlocal"]
CMD ["--help"]
