"""A real Postfix, in front of the bot and behind it: ``./dev postfix`` runs these tests, and installs nothing.

They are not among the tests that every machine can run: each needs Postfix, swaks and root, as Postfix always does.
"""

from collections.abc import Iterator

import pytest

from tests.openpgp_keys import Lab
from tests.postfix.site import FRONTS, Site, site


@pytest.fixture(scope="module", params=FRONTS)
def front(request: pytest.FixtureRequest, lab: Lab) -> Iterator[Site]:
    """A running bot behind a running Postfix; both ways of handing mail over."""
    with site(lab, request.param) as made:
        made.start()
        yield made


@pytest.fixture
def served(front: Site) -> Site:
    """The same with empty mailboxes."""
    front.begin()
    return front
