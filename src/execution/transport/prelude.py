import linecache
import sys
import traceback

octopusvariables = {
    _bulkhead_base64.b64decode(name).decode("utf-8"): _bulkhead_base64.b64decode(value).decode("utf-8")
    for name, value in _bulkhead_variables
}


def encode(value):
    return _bulkhead_base64.b64encode(str(value).encode("utf-8")).decode("ascii")


def decode(value):
    return _bulkhead_base64.b64decode(value).decode("utf-8")


def _bulkhead_write(text):
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _bulkhead_say(word, *values):
    values = "".join(" %s='%s'" % (name, encode(value)) for name, value in values if value is not None)
    _bulkhead_write("##octopus[%s%s]" % (word, values))


def get_octopusvariable(key):
    if key in octopusvariables:
        return octopusvariables[key]
    alike = [name for name in octopusvariables if name.lower() == str(key).lower()]
    return octopusvariables[min(alike)] if alike else ""


def set_octopusvariable(name, value, sensitive=False):
    octopusvariables[name] = str(value)
    _bulkhead_say("setVariable", ("name", name), ("value", value), ("sensitive", "True" if sensitive else None))


def updateprogress(progress, message=None):
    _bulkhead_say("progress", ("percentage", progress), ("message", message))


def failstep(message=None):
    if message is not None:
        _bulkhead_say("resultMessage", ("message", message))
    sys.exit(255)


def _bulkhead_level(level, text):
    _bulkhead_write("##octopus[stdout-%s]\n%s\n##octopus[stdout-default]" % (level, text))


def printverbose(text):
    _bulkhead_level("verbose", text)


def printhighlight(text):
    _bulkhead_level("highlight", text)


def printwait(text):
    _bulkhead_level("wait", text)


def printwarning(text):
    _bulkhead_level("warning", text)


def _bulkhead_own(fault, seen):
    # Of a fault the user's lines alone, of what led to it likewise.
    if fault is None or id(fault) in seen:
        return
    seen.add(id(fault))
    frames = [frame for frame in fault.stack if frame.filename != "<bulkhead>"]
    fault.stack = traceback.StackSummary.from_list(frames)
    for led in (fault.__cause__, fault.__context__, *(getattr(fault, "exceptions", None) or ())):
        _bulkhead_own(led, seen)


def _bulkhead_told(kind, value, trace):
    while trace is not None and trace.tb_frame.f_code in _bulkhead_codes:
        trace = trace.tb_next
    if isinstance(value, SyntaxError) and value.filename == "script.py":
        # Python takes the line from the file of that name, which is not the user's.
        value.text = linecache.getline("script.py", value.lineno or 0)
    fault = traceback.TracebackException(kind, value, trace)
    _bulkhead_own(fault, set())
    sys.stderr.write("".join(fault.format()))
    sys.stderr.flush()


_bulkhead_codes = (sys._getframe().f_code, sys._getframe(1).f_code)
_bulkhead_text = _bulkhead_body.decode("utf-8", "replace")
linecache.cache["script.py"] = (len(_bulkhead_text), None, _bulkhead_text.splitlines(True), "script.py")
sys.excepthook = _bulkhead_told
exec(compile(_bulkhead_body, "script.py", "exec", dont_inherit=True), globals())
