from oncofhir.fhir.source_version import SourceVersion, source_version_of


def test_a_deletion_has_the_version_that_the_event_names():
    assert source_version_of(None, "4") == SourceVersion(version="4", status="entered-in-error")


def test_a_deletion_without_a_version_comes_after_the_last_one_known():
    known = SourceVersion(version="3", status="final")
    gone = source_version_of(None).after(known)
    assert gone == SourceVersion(version="3", status="entered-in-error")
    assert SourceVersion(version="3", status="final").older_than(gone)
    assert not SourceVersion(version="4", status="final").older_than(gone), "it may come back"


def test_a_version_that_is_known_stands():
    named = SourceVersion(version="9", status="amended")
    assert named.after(SourceVersion(version="3")) == named
