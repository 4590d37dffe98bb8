"""What applications do with Elasticsearch's and OpenSearch's Python clients, against a running vigie.

    python scenario.py URL USER PASSWORD FIXTURES

The client is the one that this Python has installed. Any difference from what the real servers answer ends it with an
AssertionError.
"""

import importlib
import importlib.util
import json
import pathlib
import sys

URL, USER, PASSWORD, FIXTURES = sys.argv[1:5]
NAME = next(name for name in ("elasticsearch", "opensearchpy") if importlib.util.find_spec(name))
client = importlib.import_module(NAME)
helpers = importlib.import_module(NAME + ".helpers")
VERSION = client.__version__ if isinstance(client.__version__, tuple) else tuple(
    int(part) for part in str(client.__version__).split(".")[:3])
IS_OPENSEARCH = NAME == "opensearchpy"
# From version 8 on, parts of the body are arguments of their own.
BY_PARTS = NAME == "elasticsearch" and VERSION[0] >= 8
INDEX = "python-" + NAME + "-" + str(VERSION[0])


def connect():
    if IS_OPENSEARCH:
        return client.OpenSearch(URL + "/os", http_auth=(USER, PASSWORD))
    if BY_PARTS:
        return client.Elasticsearch(URL, basic_auth=(USER, PASSWORD))
    return client.Elasticsearch(URL, http_auth=(USER, PASSWORD))


def index(es, id, document, **kw):
    return es.index(index=INDEX, id=id, **{"document" if BY_PARTS else "body": document}, **kw)


def search(es, body, **kw):
    return es.search(index=INDEX, **(body if BY_PARTS else {"body": body}), **kw)


def create_index(es):
    body = {
        "settings": {"number_of_shards": 1, "number_of_replicas": 0},
        "mappings": {"properties": {
            "@timestamp": {"type": "date"}, "status": {"type": "short"}, "path": {"type": "keyword"},
            "message": {"type": "text"}, "ip": {"type": "ip"}, "bytes": {"type": "long"}}},
    }
    es.indices.create(index=INDEX, **(body if BY_PARTS else {"body": body}))


def document(n):
    return {
        "@timestamp": "2026-11-21T%02d:%02d:00Z" % (n // 60 % 24, n % 60), "status": 500 if n % 10 == 0 else 200,
        "path": "/p/%d" % (n % 7), "message": "request number %d was served" % n, "ip": "192.0.2.%d" % (n % 256),
        "bytes": n,
    }


def raises(kind, call):
    try:
        call()
    except getattr(client.exceptions, kind) as error:
        return error
    raise AssertionError("no " + kind)


def status_of(error):
    return error.meta.status if hasattr(error, "meta") else error.status_code


# A shop's month, and the pipelines that read it.
FILES = {"access.log": "access", "transactions.ndjson": "transaction", "behaviour.ndjson": "behaviour",
         "errors.ndjson": "error", "performance.ndjson": "performance", "devices.ndjson": "device"}


def load_fixtures(es):
    """Loads the fixtures with the bulk helper, twice: the second time every document is there already."""
    for name, pipeline in FILES.items():
        lines = (pathlib.Path(FIXTURES) / name).read_text().splitlines()
        read = json.loads if name.endswith(".ndjson") else lambda line: {"message": line}
        # The pipelines name the index, by the day of the event.
        actions = [{"_op_type": "create", "_index": "fixtures", "_id": "%s-%d" % (name, n), "_source": read(line)}
                   for n, line in enumerate(lines)]
        done, errors = helpers.bulk(es, actions, chunk_size=1000, pipeline=pipeline, refresh=True)
        assert (done, errors) == (len(lines), []), (name, done, errors[:3])
        done, errors = helpers.bulk(es, actions[:500], pipeline=pipeline, raise_on_error=False)
        assert done == 0 and all(e["create"]["status"] == 409 for e in errors), (name, done, errors[:3])
    counts = {name: len((pathlib.Path(FIXTURES) / name).read_text().splitlines()) for name in FILES}
    # Refunds and chargebacks change the event of their payment.
    counts["transactions.ndjson"] = len((pathlib.Path(FIXTURES) / "transactions.labels.ndjson").read_text().splitlines())
    assert es.count(index="device-logs-*")["count"] == counts.pop("devices.ndjson")
    body = {"size": 0, "track_total_hits": True, "aggs": {
        "datasets": {"terms": {"field": "event.dataset"}}, "countries": {"terms": {"field": "source.geo.country_iso_code"}}}}
    found = es.search(index="ecommerce-logs-*", **(body if BY_PARTS else {"body": body}))
    assert found["hits"]["total"]["value"] == sum(counts.values()), (counts, found)
    assert found["aggregations"]["countries"]["buckets"], found


def main():
    es = connect()
    assert es.ping()
    info = es.info()
    if IS_OPENSEARCH:
        assert info["version"]["distribution"] == "opensearch", info
    else:
        assert int(info["version"]["number"].split(".")[0]) >= VERSION[0], info
        assert info["tagline"] == "You Know, for Search", info

    # Indices.
    es.indices.delete(index=INDEX, ignore_unavailable=True)
    create_index(es)
    assert es.indices.exists(index=INDEX)
    error = raises("RequestError" if hasattr(client.exceptions, "RequestError") else "BadRequestError",
                   lambda: create_index(es))
    assert status_of(error) == 400 and "resource_already_exists_exception" in str(error), error
    mapping = es.indices.get_mapping(index=INDEX)
    assert mapping[INDEX]["mappings"]["properties"]["path"]["type"] == "keyword", mapping

    # Many documents, in parts, with errors by document.
    actions = ({"_index": INDEX, "_id": str(n), "_source": document(n)} for n in range(1000))
    done, errors = helpers.bulk(es, actions, chunk_size=300, refresh=True)
    assert (done, errors) == (1000, []), (done, errors)
    again = [{"_op_type": "create", "_index": INDEX, "_id": str(n), "_source": document(n)} for n in range(995, 1005)]
    done, errors = helpers.bulk(es, again, raise_on_error=False, refresh="wait_for")
    assert done == 5 and len(errors) == 5, (done, errors)
    assert all(e["create"]["status"] == 409 for e in errors), errors
    assert all(e["create"]["error"]["type"] == "version_conflict_engine_exception" for e in errors), errors
    bad = [{"_index": INDEX, "_id": "bad", "_source": {"bytes": "many"}}]
    _, errors = helpers.bulk(es, bad, raise_on_error=False)
    assert errors[0]["index"]["error"]["type"] == "mapper_parsing_exception", errors
    for ok, item in helpers.streaming_bulk(es, ({"_op_type": "delete", "_index": INDEX, "_id": str(n)} for n in range(1000, 1005))):
        assert ok, item
    seen = [ok for ok, _ in helpers.parallel_bulk(
        es, ({"_op_type": "update", "_index": INDEX, "_id": str(n), "doc": {"bytes": n + 1}} for n in range(100)),
        thread_count=2, chunk_size=20)]
    assert len(seen) == 100 and all(seen)
    es.indices.refresh(index=INDEX)
    assert es.count(index=INDEX)["count"] == 1000

    # All of them, page by page.
    ids = {hit["_id"] for hit in helpers.scan(es, index=INDEX, query={"query": {"match_all": {}}}, size=128)}
    assert ids == {str(n) for n in range(1000)}, len(ids)

    # Queries and aggregations.
    found = search(es, {
        "query": {"bool": {
            "filter": [{"term": {"status": 500}}, {"range": {"@timestamp": {"gte": "2026-11-21T02:00:00Z"}}}],
            "must": [{"match": {"message": "served"}}], "must_not": [{"term": {"path": "/p/3"}}]}},
        "sort": [{"bytes": {"order": "desc"}}], "size": 3, "track_total_hits": True})
    assert [hit["_source"]["status"] for hit in found["hits"]["hits"]] == [500] * 3, found
    expected = sum(1 for n in range(120, 1000) if n % 10 == 0 and n % 7 != 3)
    assert found["hits"]["total"] == {"value": expected, "relation": "eq"}, (found["hits"]["total"], expected)
    found = search(es, {"size": 0, "aggs": {"paths": {
        "terms": {"field": "path", "size": 3}, "aggs": {"most": {"max": {"field": "bytes"}}}},
        "hours": {"date_histogram": {"field": "@timestamp", "fixed_interval": "1h"}}}})
    assert sum(b["doc_count"] for b in found["aggregations"]["hours"]["buckets"]) == 1000, found
    assert found["aggregations"]["paths"]["buckets"][0]["most"]["value"] > 900, found
    body = [{"index": INDEX}, {"query": {"term": {"path": "/p/1"}}, "size": 1}, {"index": "no-such"}, {"size": 0}]
    several = es.msearch(**{"searches" if BY_PARTS else "body": body})["responses"]
    assert several[0]["hits"]["total"]["value"] == 143 and several[1]["status"] == 404, several
    assert es.search(index=INDEX, q="message:\"number 42\"")["hits"]["hits"][0]["_id"] == "42"

    # One document: read, change under a condition, remove.
    one = index(es, "one", document(1), refresh=True)
    assert one["result"] == "created", one
    kept = es.get(index=INDEX, id="one")
    assert kept["_source"] == document(1) and kept["_seq_no"] == one["_seq_no"], kept
    at = {"if_seq_no": kept["_seq_no"], "if_primary_term": kept["_primary_term"]}
    assert index(es, "one", document(2), **at)["result"] == "updated"
    error = raises("ConflictError", lambda: index(es, "one", document(3), **at))
    assert status_of(error) == 409 and "version_conflict_engine_exception" in str(error), error
    body = {"script": {"source": "ctx._source.bytes += params.n", "params": {"n": 5}}}
    es.update(index=INDEX, id="one", **(body if BY_PARTS else {"body": body}))
    assert es.get_source(index=INDEX, id="one")["bytes"] == 7
    assert es.exists(index=INDEX, id="one") and not es.exists(index=INDEX, id="none")
    assert es.mget(index=INDEX, **({"ids": ["one", "none"]} if BY_PARTS else {"body": {"ids": ["one", "none"]}})
                   )["docs"][1]["found"] is False
    assert es.delete(index=INDEX, id="one", refresh=True)["result"] == "deleted"
    error = raises("NotFoundError", lambda: es.get(index=INDEX, id="one"))
    assert status_of(error) == 404, error

    # What goes wrong has its names.
    error = raises("NotFoundError", lambda: es.search(index="no-such-index"))
    assert "index_not_found_exception" in str(error), error
    kind = "RequestError" if hasattr(client.exceptions, "RequestError") else "BadRequestError"
    error = raises(kind, lambda: search(es, {"query": {"no_such_query": {}}}))
    assert status_of(error) == 400 and "parsing_exception" in str(error), error

    # Work by query.
    body = {"query": {"range": {"bytes": {"gte": 990}}}}
    gone = es.delete_by_query(index=INDEX, refresh=True, **(body if BY_PARTS else {"body": body}))
    assert gone["deleted"] == 10 and gone["failures"] == [], gone
    body = {"source": {"index": INDEX}, "dest": {"index": INDEX + "-copy"}}
    copied = es.reindex(refresh=True, **(body if BY_PARTS else {"body": body}))
    assert copied["created"] == 990, copied

    # What looks after a cluster.
    health = es.cluster.health(wait_for_status="yellow")
    assert health["status"] in ("green", "yellow"), health
    rows = es.cat.indices(index=INDEX, format="json", h="index,docs.count")
    assert rows == [{"index": INDEX, "docs.count": "990"}] or list(rows) == [{"index": INDEX, "docs.count": "990"}], rows
    body = {"index_patterns": [INDEX + "-t*"], "template": {"settings": {"number_of_replicas": 0}}}
    es.indices.put_index_template(name=INDEX, **(body if BY_PARTS else {"body": body}))
    assert es.indices.exists_index_template(name=INDEX)
    body = {"description": "x", "processors": [{"set": {"field": "a", "value": 1}}]}
    es.ingest.put_pipeline(id=INDEX, **(body if BY_PARTS else {"body": body}))
    index(es, "piped", {"bytes": 1}, pipeline=INDEX)
    assert es.get(index=INDEX, id="piped")["_source"] == {"bytes": 1, "a": 1}
    body = {"actions": [{"add": {"index": INDEX, "alias": INDEX + "-alias"}}]}
    es.indices.update_aliases(**(body if BY_PARTS else {"body": body}))
    assert es.count(index=INDEX + "-alias")["count"] >= 990
    for name in (INDEX, INDEX + "-copy"):
        es.indices.delete(index=name)
    es.indices.delete_index_template(name=INDEX)
    es.ingest.delete_pipeline(id=INDEX)
    load_fixtures(es)
    print(NAME, ".".join(map(str, VERSION[:3])), "ok")


main()
