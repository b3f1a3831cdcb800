"""Runs the local cloud until it gets a signal to stop or its starter dies.

The starter holds the other end of standard input: when it dies, however it dies, the pipe closes, and the cloud saves its
state and ends as on SIGTERM.
"""

import json
import os
import select
import signal
import sys
import threading
import time


def end_with_starter():
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


threading.Thread(target=end_with_starter, daemon=True).start()

from ministack.app import main  # noqa: E402  (the watch begins before the slow import)
from ministack.core import iam_actions, iam_evaluator, lambda_runtime  # noqa: E402
from ministack.services import lambda_svc, stepfunctions  # noqa: E402


class LoopbackIsSecure:
    """Bucket and queue policies refuse what did not come over TLS. Here requests come over the loopback interface only,
    which no one can listen to either, so they count as secure, and the stack's policies need no exception for us."""

    def __init__(self, origin):
        self.origin = origin

    def get(self):
        return (self.origin.get()[0], True)

    def set(self, value):
        return self.origin.set(value)


iam_evaluator._request_origin = LoopbackIsSecure(iam_evaluator._request_origin)

execute_task = stepfunctions._execute_task


def execute_task_with_computed_timeout(state, raw_input, execution, context):
    """A TimeoutSeconds that is an expression is evaluated, as Step Functions does; this version compares it unevaluated."""
    timeout = state.get("TimeoutSeconds")
    if isinstance(timeout, str):
        state = {**state, "TimeoutSeconds": stepfunctions._apply_jsonata_template(timeout, raw_input, context)}
    return execute_task(state, raw_input, execution, context)


stepfunctions._execute_task = execute_task_with_computed_timeout

ses_resource = iam_actions._ses_v2_resource_arn


def ses_resource_of_sender(method, path, body, region, account_id):
    """SES asks for permission on the identity that mail is sent from; this version asks for it on every resource."""
    if path.rstrip("/").endswith("/outbound-emails"):
        sender = json.loads(body or b"{}").get("FromEmailAddress")
        if sender:
            return f"arn:aws:ses:{region}:{account_id}:identity/{sender}"
    return ses_resource(method, path, body, region, account_id)


iam_actions._ses_v2_resource_arn = ses_resource_of_sender

iam_action = iam_actions.extract_iam_action


def iam_action_of_versions(service, method, path, headers, body, query_params):
    """DeleteObjects of versions asks for s3:DeleteObjectVersion; this version forgets it for the first key."""
    action = iam_action(service, method, path, headers, body, query_params)
    if action == "s3:DeleteObject" and method == "POST":
        targets = iam_actions._s3_batch_delete_targets(path.strip("/").split("/")[0], body)
        if targets and targets[0][1]:
            return "s3:DeleteObjectVersion"
    return action


iam_actions.extract_iam_action = iam_action_of_versions

sqs_concurrency = lambda_svc._sqs_esm_concurrency


def sqs_concurrency_of_this_machine(*args):
    """Each concurrent batch is a process that starts and stays: more of them than the cores can run only slow each other."""
    return min(sqs_concurrency(*args), max(4, 2 * (os.cpu_count() or 1)))


lambda_svc._sqs_esm_concurrency = sqs_concurrency_of_this_machine

emit_lambda_logs = lambda_svc._emit_lambda_logs


def emit_lambda_logs_here_too(func, request_id, log_text, *args, **options):
    """What functions log goes to their log groups, as on AWS, and to standard output, where a developer reads it."""
    if log_text:
        os.write(1, (log_text.rstrip("\n") + "\n").encode())
    emit_lambda_logs(func, request_id, log_text, *args, **options)


lambda_svc._emit_lambda_logs = emit_lambda_logs_here_too

reading = threading.Lock()


def has_input(stream, timeout):
    poll = select.poll()
    poll.register(stream, select.POLLIN)
    return bool(poll.poll(timeout))


def take_lines(proc, lines):
    """Takes the lines that a function has logged so far; returns whether it can log more."""
    with reading:
        if not has_input(proc.stderr, 0):
            return True
        chunk = os.read(proc.stderr.fileno(), 65536)
        *whole, proc.partial = (getattr(proc, "partial", b"") + chunk).split(b"\n")
        for line in whole:
            lines.put(line.decode(errors="replace"))
        return bool(chunk)


def read_stderr(worker):
    proc, lines = worker._proc, worker._stderr_queue
    try:
        while has_input(proc.stderr, None) and take_lines(proc, lines):
            pass
    except (OSError, ValueError):
        pass  # It was closed.


def drain_stderr(worker):
    """A function writes its lines before its result, so they are there. This version waits for them: 50 ms after each call
    that logs nothing."""
    proc = worker._proc
    if proc is None:
        worker._stderr_thread.join(0.25)
        return worker._drain_stderr()
    while has_input(proc.stderr, 0) and take_lines(proc, worker._stderr_queue):
        pass
    with reading:  # The thread that reads may hold lines that it has not handed over yet.
        return worker._drain_stderr()


lambda_runtime.Worker._read_stderr = read_stderr
lambda_runtime.Worker._drain_stderr_bounded = drain_stderr

# Streams begin empty after a restart; this version skips as many records as there were before.
lambda_svc._restore_esm_positions = lambda positions, kept: None

poll_streams = lambda_svc._poll_dynamodb_streams


def poll_streams_for_ever():
    """This version polls streams and queues in turn: messages of every queue wait for the function that reads a stream."""
    while True:
        try:
            if poll_streams():
                continue
        except Exception as error:
            lambda_svc.logger.error("ESM DynamoDB streams poller error: %s", error)
        time.sleep(0.05)


lambda_svc._poll_dynamodb_streams = lambda: False
threading.Thread(target=poll_streams_for_ever, daemon=True).start()

sys.argv = ["ministack"]
try:
    main()
finally:
    # Lambda workers are in this process's own group and must not outlive it.
    if os.getpgrp() == os.getpid():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.killpg(0, signal.SIGTERM)
