#!/usr/bin/env python3
"""Called as: my-extension.py <action> <payload file> <timeout in seconds>.

The exit code decides: 0 is success. What is printed to standard output is shown to the operator.
"""
import json
import sys


def greet(payload):
    machine = payload.get("virtualmachinename", "machine")
    return f"{payload['parameters']['greeting']}, {machine}!"


def status(payload):
    return {"status": "success", "power_state": "poweron"}


ACTIONS = {"greet": greet, "status": status}


def main():
    action, payload_file = sys.argv[1:3]
    run = ACTIONS.get(action.lower())
    if run is None:
        sys.exit(f"not supported: {action}")

    with open(payload_file, encoding="utf-8") as file:
        result = run(json.load(file))
    if isinstance(result, str):
        result = {"printmessage": "true", "message": result}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
