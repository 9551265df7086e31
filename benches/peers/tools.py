"""One adapter a tool. Each makes two functions: the spans found in a text, and what is timed (finding and masking where the
tool masks, finding alone where it does not); one that reads streams adds what is timed of a list of events."""

import re


def wardline():
    from wardline import Guard, detect

    guard = Guard.parse('version: 1\nstate: memory\nservices: {api: {system: openai}}\nmask: [{name: all, entities: {"*": redact}}]\n')
    def kind(text):
        return "application/json" if text.startswith("{") else "text/event-stream" if text.startswith("data:") else "text/plain"

    spans = lambda text: [(found["start"], found["end"]) for found in detect(text)]
    mask = lambda text: guard.mask(text, kind(text))
    return spans, mask, lambda events: mask("".join(events))


def cpex():
    from cpex_pii_filter.pii_filter_rust import PIIDetectorRust

    detector = PIIDetectorRust({})

    def spans(text):
        return [(at["start"], at["end"]) for found in detector.detect(text).values() for at in found]

    return spans, lambda text: detector.mask(text, detector.detect(text))


def redactix():
    from redactix import Redactor

    redactor = Redactor()
    return lambda text: [(found.start, found.end) for found in redactor.detect(text)], redactor.redact


def presidio():
    import logging

    import spacy
    from presidio_analyzer import AnalyzerEngine
    from presidio_analyzer.nlp_engine import SpacyNlpEngine

    logging.disable(logging.CRITICAL)  # it asks for a list of domains that it cannot reach here, and says so at length
    engine = SpacyNlpEngine(models=[{"lang_code": "en", "model_name": "blank"}])
    engine.nlp = {"en": spacy.blank("en")}
    engine.nlp["en"].max_length = 10_000_000
    analyzer = AnalyzerEngine(nlp_engine=engine, supported_languages=["en"])
    spans = lambda text: [(found.start, found.end) for found in analyzer.analyze(text, language="en")]
    return spans, spans


def datafog():
    from datafog import scan

    spans = lambda text: [(found.start, found.end) for found in scan(text).entities]
    return spans, spans


def scrubadub():
    from scrubadub import Scrubber

    scrubber = Scrubber()
    return lambda text: [(filth.beg, filth.end) for filth in scrubber.iter_filth(text)], scrubber.clean


def detect_secrets():
    from detect_secrets.core.scan import scan_line
    from detect_secrets.settings import default_settings

    def spans(text):
        found = []
        with default_settings():
            for line in re.finditer("[^\n]+", text):
                values = {secret.secret_value for secret in scan_line(line[0]) if secret.secret_value}
                found += [(line.start() + at.start(), line.start() + at.end()) for value in values for at in re.finditer(re.escape(value), line[0])]
        return found

    return spans, spans


TOOLS = {
    "wardline": wardline,
    "cpex-pii-filter": cpex,
    "pyredactix": redactix,
    "presidio (patterns)": presidio,
    "datafog": datafog,
    "scrubadub": scrubadub,
    "detect-secrets": detect_secrets,
}
