# The page and its API with the published weights; see docs/deploy.md.
#   docker build -t number-zoo .
#   docker run --rm -p 8000:8000 --memory 1g --read-only --tmpfs /tmp number-zoo
FROM python:3.13-slim

COPY . /tmp/number-zoo
RUN pip install --no-cache-dir --disable-pip-version-check '/tmp/number-zoo[heic,server]' \
    && rm -r /tmp/number-zoo

ENV PORT=8000 PYTHONUNBUFFERED=1
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD ["python", "-c", \
    "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/healthz')"]
CMD ["number-zoo", "serve", "--host", "0.0.0.0"]
