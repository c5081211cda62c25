import io
import json
import logging
import threading

import pytest

from gas import telemetry
from tests.fixtures import Lines


def test_a_line_is_one_json_object_with_time_level_process_and_values(lines: Lines) -> None:
    telemetry.logger("gas.x").info("job_ended", outcome="completed", seconds=3)
    (line,) = lines.all
    assert line["event"] == "job_ended"
    assert line["level"] == "info"
    assert line["process"] == "test"
    assert (line["outcome"], line["seconds"]) == ("completed", 3)
    assert line["timestamp"].endswith("Z")


def test_bound_values_are_on_every_line_inside_and_on_none_outside(lines: Lines) -> None:
    log = telemetry.logger("gas.x")
    with telemetry.bound(job_id="j", user_id=None):
        with telemetry.bound(attempt=2):
            log.info("inner")
        log.info("outer")
    log.info("after")
    inner, outer, after = lines.all
    assert (inner["job_id"], inner["attempt"]) == ("j", 2)
    assert outer["job_id"] == "j"
    assert "attempt" not in outer
    assert "user_id" not in outer
    assert "job_id" not in after


def test_a_thread_logs_its_process_too_but_no_other_thread_s_job(lines: Lines) -> None:
    with telemetry.bound(job_id="mine"):
        thread = threading.Thread(target=lambda: telemetry.logger("gas.x").info("elsewhere"))
        thread.start()
        thread.join()
    (line,) = lines.of("elsewhere")
    assert line["process"] == "test"
    assert "job_id" not in line


def test_lines_of_libraries_have_the_same_form(lines: Lines) -> None:
    logging.getLogger("some.library").warning("odd %s", "thing")
    (line,) = lines.all
    assert (line["event"], line["logger"], line["level"]) == ("odd thing", "some.library", "warning")


def test_a_traceback_is_part_of_its_line(lines: Lines) -> None:
    try:
        raise ValueError("why")
    except ValueError:
        telemetry.logger("gas.x").exception("failed")
    (line,) = lines.all
    assert "ValueError: why" in line["exception"]


@pytest.mark.parametrize("name", ["authorization", "Cookie", "access_token", "id_token", "refresh_token"])
def test_secrets_do_not_reach_the_log(lines: Lines, name: str) -> None:
    telemetry.logger("gas.x").info("request", **{name: "s3cr3t"})
    assert "s3cr3t" not in lines.stream.getvalue()
    assert lines.all[0][name] == "hidden"


def test_a_level_hides_what_is_below_it() -> None:
    stream = io.StringIO()
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        telemetry.configure("test", "WARNING", stream)
        telemetry.logger("gas.x").info("quiet")
        telemetry.logger("gas.x").warning("loud")
        logging.getLogger("botocore").info("signed headers")
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["loud"]


def test_two_deployments_in_one_account_have_a_namespace_each(lines: Lines) -> None:
    telemetry.configure("test", stream=lines.stream, name_prefix="lab")
    telemetry.metric("AttentionItems", 0)
    (line,) = lines.all
    assert line["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "GAS/lab"


def test_a_metric_is_in_the_embedded_metric_format(lines: Lines) -> None:
    telemetry.metric("HandlerSeconds", 1.5, "Seconds", {"Queue": "q"}, outcome="done")
    (line,) = lines.all
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "GAS/gas"
    assert directive["Metrics"] == [{"Name": "HandlerSeconds", "Unit": "Seconds"}]
    # Every dimension set names root members whose values are strings; the metric's own is a number.
    assert directive["Dimensions"] == [["Queue"]]
    assert (line["Queue"], line["HandlerSeconds"], line["outcome"]) == ("q", 1.5, "done")
    assert isinstance(line["_aws"]["Timestamp"], int)


def test_a_metric_without_dimensions_and_without_configuration_goes_to_standard_output(
    capsys: pytest.CaptureFixture[str],
) -> None:
    telemetry.metric("AttentionItems", 3)
    line = json.loads(capsys.readouterr().out)
    assert line["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [[]]
    assert line["AttentionItems"] == 3


def test_lines_of_many_threads_do_not_mix() -> None:
    class Slow(io.StringIO):
        """A stream on which two writes of one line would be torn apart."""

        def write(self, text: str) -> int:
            turn.wait(0.001)
            return super().write(text)

    turn = threading.Event()
    stream = Slow()
    telemetry._metrics.stream = stream
    try:
        threads = [threading.Thread(target=telemetry.metric, args=("N", n)) for n in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        telemetry._metrics.stream = None
    assert sorted(json.loads(line)["N"] for line in stream.getvalue().splitlines()) == list(range(20))
