"""Signing in, and staying so."""

from tests.gateway.citizen.world import LIN, World, sign_in


def test_a_citizen_signs_in_and_sees_the_score(world: World) -> None:
    page = sign_in(world.client, "lin")

    assert page.status_code == 200
    assert LIN in page.text
    assert '<p class="number" id="number">487</p>' in page.text
