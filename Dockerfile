# The page and its API with the published weights; see docs/deploy.md.
#   docker build -t number-zoo .
#   docker run --rm -p 8000:8000 --memory 3g --read-only --tmpfs /tmp number-zoo
FROM python:3.13-slim

# One layer, so that what is taken away again takes no room: headers, to build against TensorFlow.
COPY requirements-image.txt /tmp/
RUN pip install --no-cache-dir --disable-pip-version-check -r /tmp/requirements-image.txt \
    && rm -rf /usr/local/lib/python3.*/site-packages/tensorflow/include

WORKDIR /number-zoo
COPY . .
# Compiled now: the user below may not write here.
RUN python -m compileall -q .

ENV PORT=8000 PYTHONUNBUFFERED=1 TF_CPP_MIN_LOG_LEVEL=3
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=90s CMD ["python", "-c", \
    "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/healthz')"]
CMD ["python", "-m", "app", "--host", "0.0.0.0"]
