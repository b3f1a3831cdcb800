"""Runs the local cloud until it gets a signal to stop or its starter dies.

The starter holds the other end of standard input: when it dies, however it dies, the pipe closes, and the cloud saves its
state and ends as on SIGTERM.
"""

import json
import os
import signal
import sys
import threading


def end_with_starter():
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


threading.Thread(target=end_with_starter, daemon=True).start()

from ministack.app import main  # noqa: E402  (the watch begins before the slow import)
from ministack.core import iam_actions, iam_evaluator  # noqa: E402
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

sys.argv = ["ministack"]
try:
    main()
finally:
    # Lambda workers are in this process's own group and must not outlive it.
    if os.getpgrp() == os.getpid():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.killpg(0, signal.SIGTERM)
