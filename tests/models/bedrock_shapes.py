"""Bedrock's own shapes, by botocore: what it would send for parameters, and what it reads out of replies."""

import base64
import json
from typing import Any, Final

from botocore.eventstream import EventStreamBuffer
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from botocore.validate import ParamValidator

MODEL_ID: Final = "simulator.echo-v1:0"


class Shapes:
    """The service model, read once."""

    def __init__(self) -> None:
        self._service = ServiceModel(Loader().load_service_model("bedrock-runtime", "service-2"))

    def body(self, operation: str, params: dict[str, Any]) -> Any:
        """The JSON that botocore sends for these parameters; they must be valid."""
        model = self._service.operation_model(operation)
        given = {"modelId": MODEL_ID, **params}
        problems = ParamValidator().validate(given, model.input_shape)
        assert not problems.has_errors(), problems.generate_report()
        sent = create_serializer("rest-json").serialize_to_request(given, model)
        return json.loads(sent["body"])

    def params(self, operation: str, body: bytes) -> dict[str, Any]:
        """The parameters of which this would be the JSON: blobs as bytes."""
        shape = self._service.operation_model(operation).input_shape
        read: dict[str, Any] = self._unblob(json.loads(body), shape)
        return read

    def reply(self, operation: str, body: bytes) -> Any:
        """What botocore's parser reads out of a response's body."""
        shape = self._service.operation_model(operation).output_shape
        response = {"status_code": 200, "headers": {}, "body": body}
        return create_parser("rest-json").parse(response, shape)

    def _unblob(self, value: Any, shape: Any) -> Any:
        match shape.type_name:
            case "blob":
                return base64.b64decode(value, validate=True)
            case "list":
                return [self._unblob(item, shape.member) for item in value]
            case "structure" if not getattr(shape, "is_document_type", False):
                return {
                    key: self._unblob(item, shape.members[key]) if key in shape.members else item
                    for key, item in value.items()
                }
        return value

    def events(self, content: bytes) -> list[dict[str, Any]]:
        """What botocore reads out of the frames of a ConverseStream: each event by its name."""
        output = self._service.operation_model("ConverseStream").output_shape.members["stream"]
        parser = create_parser("rest-json")._event_stream_parser
        frames = EventStreamBuffer()
        frames.add_data(content)
        return [parser.parse(frame.to_response_dict(), output) for frame in frames]

    def enum(self, shape: str) -> list[str]:
        """The values of an enum."""
        values: list[str] = self._service.shape_for(shape).enum
        return values
