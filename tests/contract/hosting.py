"""The example with hosted models: three of Bedrock, one on a server of its own, a price book, an environment."""

from tests.contract.faults import MODELS, PEOPLE, POLICY, WORKFLOW
from tests.contract.workspace import Copy

PRICES = "prices.yaml"
_ENTRY = """
  {name}:
    id: {id}
    provider: {provider}
    regions: {regions}
    context: {context}
    max_output: 4096
    languages: [en]
    deterministic: false
    data_classes: [public, internal]
    features: [{features}]
    settings: {{temperature: 0.2}}
    lifecycle: {{status: active}}
    trade_off: It words answers well, can be wrong, and costs.
"""
_REGISTERED = (
    ("small", "example.small-v1:0", "bedrock", "[eu-central-1]", 64_000, ""),
    ("large", "example.large-v1:0", "bedrock", "[eu-central-1]", 200_000, "tools, citations"),
    ("wide", "eu.example.wide-v1:0", "bedrock", "[eu-central-1, eu-west-1]", 1_000_000, "tools"),
    ("own", "example/open-7b", "openai", "[eu-central-1]", 32_000, ""),
)
BOOK = """\
version: 3
source: LiteLLM
updated: 2026-11-20
prices:
  example.small-v1:0: {input: 250000, output: 1250000}
  example.large-v1:0: {input: 3000000, output: 15000000, cache_read: 300000, cache_write: 3750000}
  eu.example.wide-v1:0: {input: 1000000, output: 5000000}
  example/open-7b: {input: 100000, output: 100000}
"""
ARN = "arn:aws:bedrock:eu-central-1:111122223333:application-inference-profile/a1b2c3d4"
_ENVIRONMENTS = f"""
environments:
  dev:
    bedrock: {{regions: [eu-central-1, eu-west-1], endpoint: "http://127.0.0.1:8400"}}
  production:
    bedrock:
      regions: [eu-central-1]
      models:
        large:
          - {{profile: {ARN}, region: eu-central-1, tokens_per_minute: 200000}}
          - {{profile: example.large-v1:0, region: eu-central-1}}
    openai:
      own: {{url: "https://models.example/v1", key: OWN_MODEL_KEY}}
"""


def host(copy: Copy, drafter: str = "extractive") -> Copy:
    """Add hosted models to a copy of the example, which stays valid, and say who drafts."""
    for name, id_, provider, regions, context, features in _REGISTERED:
        entry = _ENTRY.format(
            name=name, id=id_, provider=provider, regions=regions, context=context, features=features
        )
        append(copy, MODELS, entry)
    append(copy, PEOPLE, _ENVIRONMENTS)
    copy.write(PRICES, BOOK)
    copy.replace(POLICY, "internal data.\n    models: [extractive]", f"internal data.\n    models: {ALLOWED}")
    copy.replace(WORKFLOW, "drafter: extractive", f"drafter: {drafter}")
    return copy


ALLOWED = "[large, small, wide, own, extractive]"


def append(copy: Copy, file: str, text: str) -> None:
    """Put a text at the end of a file."""
    copy.write(file, (copy.root / file).read_text() + text)


_DEV = "environments.dev.bedrock"
_AT = "environments.production.bedrock"
_OWN = "environments.production.openai.own"
_MODELS_FAULTS = {
    "a guardrail that can change": (
        "settings: {temperature: 0.2}", 'guardrail: {identifier: abc1, version: "DRAFT"}',
        "models.small.guardrail.version", "not pinned",
    ),
    "a guardrail of no number": (
        "settings: {temperature: 0.2}", 'guardrail: {identifier: abc1, version: "latest"}',
        "models.small.guardrail.version", "right form",
    ),
    "profiles of another provider": (
        "provider: openai", "provider: openai\n    profiles: [example]",
        "models.own.profiles", "only models of Bedrock",
    ),
    "settings of the built-in model": (
        "provider: extractive  ", "provider: extractive\n    settings: {top_p: 0.5}  ",
        "models.extractive.settings", "built-in model has no",
    ),
    "a price finer than a micro-dollar": (
        "{input_per_million_usd: 0,", "{input_per_million_usd: 0.0000001,",
        "models.extractive.price.input_per_million_usd", "micro-dollar",
    ),
    "a temperature too large for Bedrock": (
        "{temperature: 0.2}", "{temperature: 1.5}",
        "models.small.settings.temperature", "1 or less",
    ),
    "a hosted model that claims to be deterministic": (
        "deterministic: false", "deterministic: true",
        "models.small.deterministic", "temperature: 0",
    ),
    "an account in the register": (
        "id: example.small-v1:0", f"id: {ARN}",
        "models.small.id", "names an account",
    ),
    "Bedrock on this machine": (
        "regions: [eu-central-1]", "regions: [local]",
        "models.small.regions.local", "this machine",
    ),
    "a region of no kind": (
        "regions: [eu-central-1]", "regions: [europe]",
        "models.small.regions.europe", "no region",
    ),
    "a profile across regions with one of them": (
        "id: example.small-v1:0", "id: example.small-v1:0\n    profiles: [eu.example.small-v1:0]",
        "models.small.regions", "several regions",
    ),
    "a feature of no kind": (
        "[tools, citations]", "[tools, citation]",
        "models.large.features.citation", "did you mean `citations`",
    ),
    "a feature twice": ("[tools, citations]", "[tools, tools]", "models.large.features.1", "second time"),
}  # fmt: skip
_PRICES_FAULTS = {
    "a book of no day": ("2026-11-20", "2026-11-31", "updated", "does not exist"),
    "a negative price": ("{input: 250000", "{input: -1", "prices.example.small-v1:0.input", "0 or more"),
    "a price in dollars": ("{input: 250000", "{input: 0.25", "prices.example.small-v1:0.input", "whole"),
}  # fmt: skip
_PEOPLE_FAULTS = {
    "a region that no model may be called in": (
        "regions: [eu-central-1, eu-west-1]", "regions: [eu-central-1, us-east-1]",
        f"{_DEV}.regions.us-east-1", "no model",
    ),
    "a region twice": (
        "regions: [eu-central-1, eu-west-1]", "regions: [eu-central-1, eu-central-1]",
        f"{_DEV}.regions.1", "second time",
    ),
    "an endpoint in the clear": (
        "http://127.0.0.1:8400", "http://10.0.0.1:8400",
        f"{_DEV}.endpoint", "https",
    ),
    "an endpoint with a path": (
        "http://127.0.0.1:8400", "http://127.0.0.1:8400/model",
        f"{_DEV}.endpoint", "path",
    ),
    "an ARN of nothing": (
        "application-inference-profile", "prompt-router",
        f"{_AT}.models.large.0.profile", "no ARN",
    ),
    "an ARN of another region": (
        "bedrock:eu-central-1", "bedrock:eu-west-1",
        f"{_AT}.models.large.0.profile", "`eu-west-1`",
    ),
    "a region outside the model's": (
        "v1:0, region: eu-central-1", "v1:0, region: eu-west-1",
        f"{_AT}.models.large.1.region", "may not process",
    ),
    "another model than the release's": (
        "profile: example.large-v1:0", "profile: example.small-v1:0",
        f"{_AT}.models.large.1.profile", "neither",
    ),
    "a binding of no model": (
        "        large:", "        larg:",
        f"{_AT}.models.larg", "did you mean `large`",
    ),
    "a binding of another provider's model": (
        "        large:", "        own:",
        f"{_AT}.models.own", "of `openai`",
    ),
    "a server in the clear": ("https://models", "http://models", f"{_OWN}.url", "https"),
    "a server's whole path": ("example/v1", "example/v1/chat/completions", f"{_OWN}.url", "end it before"),
    "a key in the file": ("key: OWN_MODEL_KEY", "key: sk-1234", f"{_OWN}.key", "environment variable"),
    "an environment of no kind": ("  production:", "  prod:", "environments.prod", "`production`"),
}  # fmt: skip
_FILES = {MODELS: _MODELS_FAULTS, PRICES: _PRICES_FAULTS, PEOPLE: _PEOPLE_FAULTS}
HOSTED_FAULTS = {name: (file, *fault) for file, faults in _FILES.items() for name, fault in faults.items()}
