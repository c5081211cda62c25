from webserver import receipts


def test_an_empty_receipt_of_an_older_version_is_shown_empty() -> None:
    account = receipts.account({})
    assert account is not None
    assert (account.passed, account.rejects, account.sources, account.bundle) == ([], [], [], "")


def test_the_larger_numbers_come_first() -> None:
    account = receipts.account({"records": {"rejected": {"b": 1, "a": 1, "c": 5}}})
    assert account is not None
    assert account.rejected == [("c", 5), ("a", 1), ("b", 1)]


def test_only_the_first_rejects_are_shown() -> None:
    account = receipts.account(
        {
            "rejects": [{"line": n, "reason": "x"} for n in range(1000)],
        }
    )
    assert account is not None
    assert len(account.rejects) == receipts.SHOWN_REJECTS


def test_no_receipt_is_no_account() -> None:
    assert receipts.account(None) is None
    assert receipts.account({"records": []}) is None
