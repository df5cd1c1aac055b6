"""Uploads that mean harm, and whatever else the API's own description allows."""

from __future__ import annotations

import httpx2 as httpx
import pytest
from hypothesis import HealthCheck, given, settings

from benchmarks.hostile_uploads import FITTING, KINDS, attack
from tests.server.samples import encode, serving

THOROUGH = settings(
    deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_hostile_uploads_are_refused_and_images_are_read_after(readers):
    with serving(dict(reversed(readers.items()))) as port:
        responses = attack(port, 6 * len(KINDS), clients=8)
        address = f"http://127.0.0.1:{port}"
        assert httpx.post(f"{address}/api/read", content=encode()).status_code == 200
        assert httpx.get(f"{address}/healthz").json()["requests"] == 0
    assert {status for _, status in responses} <= FITTING
    assert {kind for kind, _ in responses} == set(KINDS)
    refused = {kind for kind, status in responses if status.startswith("4")}
    # Those with odd metadata and those that do unpack are images all the same; those broken off
    # nobody waits for.
    assert refused >= set(KINDS) - {"metadata", "unpacked", "broken off"}


def test_the_server_does_what_its_description_says(readers):
    import schemathesis  # slowly, and only here
    from schemathesis.specs.openapi.checks import positive_data_acceptance

    wrong = schemathesis.GenerationMode.NEGATIVE
    with serving(dict(reversed(readers.items()))) as port:
        description = schemathesis.openapi.from_url(f"http://127.0.0.1:{port}/openapi.json")
        asked = set()
        for operation in description.get_all_operations():
            for mode in schemathesis.GenerationMode:
                if mode is wrong and operation.ok().method == "get":
                    continue  # there is nothing to get wrong

                @settings(THOROUGH, max_examples=10)
                @given(case=operation.ok().as_strategy(generation_mode=mode))
                def check(case):
                    asked.add(case.path)
                    # What is an image, no schema can say.
                    case.call_and_validate(excluded_checks=[positive_data_acceptance])

                check()
    assert asked == {"/api/read", "/api/models", "/healthz"}
