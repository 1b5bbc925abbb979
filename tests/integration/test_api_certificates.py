"""Certificates and wildcards of apps through the API."""

from __future__ import annotations

import logging
import re
import uuid

import pytest
from sqlalchemy import select

from hokku.manifold import routes as manifold_routes
from hokku.settings import settings
from hokku.store import sni, wanted
from hokku.store.engine import session
from hokku.store.sni import SniEndpoint
from hokku.store.tables import App, Event
from tests.integration.contract import against_heroku
from tests.integration.test_api_access import person
from tests.integration.test_api_apps import fresh, refused
from tests.unit.test_certificate_rules import certificate, pem, pem_key


def body(*names):
    """What the CLI sends for a new certificate."""
    made, key = certificate(names[0], names)
    return {"certificate_chain": pem(made), "private_key": pem_key(key)}


@pytest.fixture
def path(api):
    """Of a new app."""
    return f"/apps/{fresh(api)['name']}"


def added(api, path, *names):
    answer = api.post(f"{path}/sni-endpoints", json=body(*names))
    assert answer.status_code == 201, answer.text
    return answer.json()


def host():
    return f"h{uuid.uuid4().hex[:12]}.example.com"


def spec(path):
    """What the manifold reads of the app."""
    with session() as opened:
        name = path.rpartition("/")[2]
        app_id = opened.scalar(select(App.id).where(App.name == name))
        return wanted.load(opened, settings().apps_domain, [app_id])[app_id]


def test_a_certificate_is_added_attached_updated_and_removed(api, path):
    hostname = host()
    endpoint = added(api, path, hostname)
    assert against_heroku("sni-endpoint", endpoint) == []
    assert re.fullmatch(r"[a-z]+-\d{5}", endpoint["name"])
    assert (endpoint["ssl_cert"]["cert_domains"], endpoint["ssl_cert"]["self_signed?"]) == ([hostname], True)
    assert spec(path).certificates == (), "nobody is served with it yet"
    made = {"hostname": hostname, "sni_endpoint": endpoint["name"]}
    domain = api.post(f"{path}/domains", json=made).json()
    assert against_heroku("domain", domain) == []
    assert domain["sni_endpoint"] == {"id": endpoint["id"], "name": endpoint["name"]}
    for identity in (endpoint["id"], endpoint["name"]):
        assert api.get(f"{path}/sni-endpoints/{identity}").json()["domains"] == [domain["id"]]
    assert [one["sni_endpoint"] for one in api.get(f"{path}/domains").json()] == [None, domain["sni_endpoint"]]
    [(served, before)] = spec(path).certificates
    assert served == hostname
    changed = api.patch(f"{path}/sni-endpoints/{endpoint['name']}", json=body(hostname, "more.example.com")).json()
    assert against_heroku("sni-endpoint", changed) == []
    assert (changed["id"], changed["domains"]) == (endpoint["id"], [domain["id"]])
    assert changed["ssl_cert"]["cert_domains"] == [hostname, "more.example.com"]
    assert changed["ssl_cert"]["id"] != endpoint["ssl_cert"]["id"]
    [(_, after)] = spec(path).certificates
    assert after != before
    with session() as opened:
        [bundle] = sni.bundles(opened, [before, after]).values()
    assert bundle.startswith(changed["certificate_chain"])
    assert bundle.count("PRIVATE KEY") == 2
    [routed] = manifold_routes.routes(spec(path), [], {}, "pool001", settings()).certificates
    assert (routed.hostname, routed.digest) == (hostname, after)
    gone = api.delete(f"{path}/sni-endpoints/{endpoint['name']}")
    assert (gone.status_code, gone.json()["domains"]) == (200, [domain["id"]])
    assert api.get(f"{path}/domains/{hostname}").json()["sni_endpoint"] is None
    assert spec(path).certificates == ()
    assert api.get(f"{path}/sni-endpoints").json() == []
    refused(api.get(f"{path}/sni-endpoints/{endpoint['name']}"), 404, "not_found", "SNI endpoint")


def test_a_domain_changes_its_certificate(api, path):
    hostname, other = host(), fresh(api)["name"]
    one, two = added(api, path, hostname), added(api, path, hostname)
    domain = api.post(f"{path}/domains", json={"hostname": hostname, "sni_endpoint": None}).json()
    for identity, name in ((one["id"], one["name"]), (two["name"], two["name"])):
        changed = api.patch(f"{path}/domains/{hostname}", json={"sni_endpoint": identity}).json()
        assert against_heroku("domain", changed) == []
        assert changed["sni_endpoint"]["name"] == name
    assert api.patch(f"{path}/domains/{domain['id']}", json={"sni_endpoint": None}).json()["sni_endpoint"] is None
    refused(api.patch(f"{path}/domains/{hostname}", json={}), 422, "invalid_params", "sni_endpoint")
    refused(api.patch(f"{path}/domains/{hostname}", json={"sni_endpoint": "no-such"}), 404, "not_found")
    default = api.get(f"{path}/domains").json()[0]["hostname"]
    refused(api.patch(f"{path}/domains/{default}", json={"sni_endpoint": None}), 422, "invalid_params", "own")
    foreign = {"hostname": host(), "sni_endpoint": one["id"]}
    refused(api.post(f"/apps/{other}/domains", json=foreign), 404, "not_found", "SNI endpoint")
    assert len(api.get(f"/apps/{other}/domains").json()) == 1, "refused as a whole"
    refused(api.get(f"/apps/{other}/sni-endpoints/{one['name']}"), 404, "not_found")


def test_what_is_no_certificate_changes_nothing(api, path):
    good, bad = body("a.example.com"), body("b.example.com")
    mixed = good | {"private_key": bad["private_key"]}
    refused(api.post(f"{path}/sni-endpoints", json=mixed), 422, "invalid_params", "Key doesn't match")
    refused(api.post(f"{path}/sni-endpoints", json={"private_key": "x"}), 422, "invalid_params", "certificate_chain")
    refused(api.post(f"{path}/sni-endpoints", json=good | {"private_key": 7}), 422, "invalid_params", "private_key")
    assert api.get(f"{path}/sni-endpoints").json() == []
    endpoint = added(api, path, "a.example.com")
    refused(api.patch(f"{path}/sni-endpoints/{endpoint['name']}", json=mixed), 422, "invalid_params")
    assert api.get(f"{path}/sni-endpoints/{endpoint['name']}").json() == endpoint


def test_private_keys_are_told_nowhere(api, path, caplog):
    sent = body(host())
    lines = [line for line in sent["private_key"].splitlines() if "-----" not in line]
    with caplog.at_level(logging.DEBUG):
        endpoint = api.post(f"{path}/sni-endpoints", json=sent)
        name = endpoint.json()["name"]
        answers = [
            endpoint,
            api.get(f"{path}/sni-endpoints"),
            api.post(f"{path}/sni-endpoints", json=sent | {"certificate_chain": "x"}),
            api.post(f"{path}/sni-endpoints", json=sent | {"certificate_chain": sent["private_key"]}),
            api.post(f"{path}/sni-endpoints", json=[sent]),
            api.patch(f"{path}/sni-endpoints/{name}", json=sent),
            api.delete(f"{path}/sni-endpoints/{name}"),
        ]
    with session() as opened:
        rows = [str(vars(row)) for row in opened.scalars(select(SniEndpoint))]
        events = [row.action + str(row.data) for row in opened.scalars(select(Event))]
    assert any(f"sni-endpoint.create{{'name': '{name}'}}" in event for event in events)
    for text in (*(answer.text for answer in answers), *rows, *events, caplog.text):
        assert "PRIVATE KEY" not in text.replace("PRIVATE KEY-----.", ""), text[:500]
        assert not any(line in text for line in lines)


def test_certificates_of_a_deleted_app_are_gone(api, path):
    hostname = host()
    endpoint = added(api, path, hostname)
    api.post(f"{path}/domains", json={"hostname": hostname, "sni_endpoint": endpoint["id"]})
    assert api.delete(path).status_code == 200
    with session() as opened:
        assert opened.get(SniEndpoint, uuid.UUID(endpoint["id"])) is None


def test_wildcards_are_domains_too(api, path):
    base = host()
    endpoint = added(api, path, f"*.{base}")
    made = {"hostname": f"*.{base.upper()}", "sni_endpoint": endpoint["name"]}
    domain = api.post(f"{path}/domains", json=made).json()
    assert against_heroku("domain", domain) == []
    assert api.get(f"{path}/domains/*.{base}").json() == domain
    assert [hostname for hostname, _ in spec(path).certificates] == [f"*.{base}"]
    for hostname in ("*.com", "*", "*.*.example.com", "*.apps.localhost", "*.x.apps.localhost"):
        refused(api.post(f"{path}/domains", json={"hostname": hostname}), 422, "invalid_params")
    assert api.delete(f"{path}/domains/*.{base}").status_code == 200


def test_a_wildcard_and_what_it_covers_are_of_one_owner(api):
    base = host()
    mine, theirs = (person(api, f"{uuid.uuid4()}@example.com") for _ in range(2))

    def add(headers, hostname):
        name = api.post("/apps", headers=headers, json={}).json()["name"]
        return api.post(f"/apps/{name}/domains", headers=headers, json={"hostname": hostname})

    assert add(mine, f"*.{base}").status_code == 201
    refused(add(theirs, f"www.{base}"), 422, "invalid_params", f"www.{base} is currently in use by another app.")
    refused(add(theirs, f"*.{base}"), 422, "invalid_params", "another app")
    assert add(mine, f"www.{base}").status_code == 201, "an app of the same owner"
    assert add(theirs, f"a.b.{base}").status_code == 201, "a wildcard covers one label"
    assert add(theirs, base).status_code == 201
    refused(add(mine, f"*.b.{base}"), 422, "invalid_params", "another app")
    assert add(theirs, f"*.b.{base}").status_code == 201


def test_automatic_certificates_are_refused_with_the_way_there_is(api, path):
    for method, sent in (("POST", {}), ("DELETE", None), ("PATCH", {"acm_refresh": True})):
        refused(api.request(method, f"{path}/acm", json=sent), 422, "invalid_params", "heroku certs:add")
