"""Doubles of three clouds' APIs: each keeps a small state and checks every request as the real one would, signatures by somebody else's code."""

import base64
import json
import subprocess
import time

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from api_double import Double, Refused


class AwsDouble(Double):
    """One Auto Scaling group "gpus" in eu-central-1. botocore, AWS's own, checks each signature."""

    KEY, SECRET, SESSION = "AKIDEXAMPLE", "an/aws+secret", "a-session-token=="

    def __init__(self):
        super().__init__()
        self.desired, self.instances = 2, {"i-0": "10.2.0.10", "i-1": "10.2.0.11"}

    def refuse(self, status, code, message):
        return Refused(status, f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>".encode())

    def check_signature(self, request, service):
        given = request.headers["authorization"]
        names = given.partition("SignedHeaders=")[2].partition(",")[0].split(";")
        assert {"host", "x-amz-date", "content-type", "x-amz-security-token"} <= set(names), names
        assert request.headers["x-amz-security-token"] == self.SESSION
        assert abs(time.time() - time.mktime(time.strptime(request.headers["x-amz-date"], "%Y%m%dT%H%M%SZ")) + time.timezone) < 300
        own = AWSRequest(request.method, f"http://{request.headers['host']}{request.path}", {name: request.headers[name] for name in names}, request.body)
        own.context["timestamp"] = request.headers["x-amz-date"]
        signer = SigV4Auth(Credentials(self.KEY, self.SECRET), service, "eu-central-1")
        signature = signer.signature(signer.string_to_sign(own, signer.canonical_request(own)), own)
        expected = f"AWS4-HMAC-SHA256 Credential={signer.scope(own)}, SignedHeaders={';'.join(sorted(names))}, Signature={signature}"
        if given != expected:
            raise self.refuse(403, "SignatureDoesNotMatch", f"The signature is not right.\n\nThe Canonical String was\nx-amz-security-token:{self.SESSION}")

    def answer(self, request):
        form = request.form()
        action = form["Action"]
        self.check_signature(request, "ec2" if action == "DescribeInstances" else "autoscaling")
        assert form["Version"] == ("2016-11-15" if action == "DescribeInstances" else "2011-01-01")
        return getattr(self, action)(form)

    def DescribeAutoScalingGroups(self, form):
        members = ""
        if form["AutoScalingGroupNames.member.1"] == "gpus":
            instances = "".join(f"<member><InstanceId>{i}</InstanceId><AvailabilityZone>eu-central-1a</AvailabilityZone><LifecycleState>InService</LifecycleState>"
                                "<HealthStatus>Healthy</HealthStatus><ProtectedFromScaleIn>false</ProtectedFromScaleIn></member>" for i in self.instances)
            members = (f"<member><AutoScalingGroupName>gpus</AutoScalingGroupName><MinSize>0</MinSize><MaxSize>9</MaxSize>"
                       f"<DesiredCapacity>{self.desired}</DesiredCapacity><Instances>{instances}</Instances></member>")
        return ('<DescribeAutoScalingGroupsResponse xmlns="http://autoscaling.amazonaws.com/doc/2011-01-01/"><DescribeAutoScalingGroupsResult>'
                f"<AutoScalingGroups>{members}</AutoScalingGroups></DescribeAutoScalingGroupsResult><ResponseMetadata><RequestId>1</RequestId>"
                "</ResponseMetadata></DescribeAutoScalingGroupsResponse>")

    def SetDesiredCapacity(self, form):
        assert form["AutoScalingGroupName"] == "gpus" and form["HonorCooldown"] == "false"
        self.desired = int(form["DesiredCapacity"])
        if self.desired > 9:
            self.desired = 2
            raise self.refuse(400, "ValidationError", "New SetDesiredCapacity value 10 is above max value 9 for the AutoScalingGroup.")
        while len(self.instances) > self.desired:
            self.instances.popitem()
        while len(self.instances) < self.desired:
            self.instances[f"i-{len(self.instances)}"] = f"10.2.0.{10 + len(self.instances)}"
        return '<SetDesiredCapacityResponse xmlns="http://autoscaling.amazonaws.com/doc/2011-01-01/"/>'

    def DescribeInstances(self, form):
        wanted = [value for name, value in form.items() if name.startswith("InstanceId.")]
        items = "".join(f"<item><reservationId>r</reservationId><instancesSet><item><instanceId>{i}</instanceId>"
                        f"<privateIpAddress>{self.instances[i]}</privateIpAddress></item></instancesSet></item>" for i in wanted)
        return f'<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>1</requestId><reservationSet>{items}</reservationSet></DescribeInstancesResponse>'


class GoogleDouble(Double):
    """Token server, instance groups and instances of one project. OpenSSL checks what the service account signed."""

    def __init__(self, folder):
        super().__init__()
        self.folder, self.size, self.tokens = folder, 2, 0
        self.names = ["gpu-0", "gpu-1"]
        private = folder / "google.key"
        subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", private], check=True, capture_output=True)
        subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", folder / "google.pub"], check=True, capture_output=True)
        self.key_file = folder / "google.json"
        self.key_file.write_text(json.dumps({"type": "service_account", "client_email": "scaler@p.example", "private_key_id": "key-1",
                                             "private_key": private.read_text(), "token_uri": self.url + "/token"}))

    def check_assertion(self, assertion):
        header, claims, signature = (base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in assertion.split("."))
        assert json.loads(header) == {"alg": "RS256", "typ": "JWT", "kid": "key-1"}
        claims = json.loads(claims)
        assert claims["iss"] == "scaler@p.example" and claims["aud"] == self.url + "/token" and claims["exp"] - claims["iat"] == 3600
        assert claims["scope"] == "https://www.googleapis.com/auth/compute" and abs(claims["iat"] - time.time()) < 60
        (self.folder / "signature").write_bytes(signature)
        subprocess.run(["openssl", "dgst", "-sha256", "-verify", self.folder / "google.pub", "-signature", self.folder / "signature"],
                       input=assertion.rpartition(".")[0].encode(), check=True, capture_output=True)

    def answer(self, request):
        if request.path == "/token":
            form = request.form()
            assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
            self.check_assertion(form["assertion"])
            self.tokens += 1
            return {"access_token": f"google-token-{self.tokens}", "expires_in": 3599, "token_type": "Bearer"}
        if request.headers.get("authorization") != f"Bearer google-token-{self.tokens}":
            raise Refused(401, {"error": {"code": 401, "message": "Invalid credentials", "status": "UNAUTHENTICATED"}})
        zone = "/compute/v1/projects/p/zones/europe-west4-a"
        group = zone + "/instanceGroupManagers/gpus"
        urls = {name: f"https://www.googleapis.com{zone}/instances/{name}" for name in self.names}
        if (request.method, request.path) == ("GET", group):
            return {"kind": "compute#instanceGroupManager", "name": "gpus", "baseInstanceName": "gpu", "targetSize": self.size}
        if (request.method, request.path) == ("POST", group + "/listManagedInstances"):
            return {"managedInstances": [{"instance": url, "instanceStatus": "RUNNING", "currentAction": "NONE"} for url in urls.values()]}
        if (request.method, request.path) == ("GET", zone + "/instances"):
            assert request.query["filter"] == 'name eq "gpu-.*"'
            return {"items": [{"name": name, "networkInterfaces": [{"networkIP": f"10.3.0.{10 + int(name[4:])}"}]} for name in self.names]}
        if (request.method, request.path) == ("POST", group + "/resize"):
            self.size = int(request.query["size"])
            self.names = self.names[:self.size] + [f"gpu-{n}" for n in range(len(self.names), self.size)]
            return {"kind": "compute#operation", "status": "RUNNING"}
        raise Refused(404, {"error": {"code": 404, "message": f"{request.path} was not found", "status": "NOT_FOUND"}})


class AzureDouble(Double):
    """Login server, metadata server and one scale set."""

    SECRET = "azure-client-secret"

    def __init__(self):
        super().__init__()
        self.capacity = 2

    def answer(self, request):
        if request.path == "/tenant/oauth2/v2.0/token":
            assert request.form() == {"grant_type": "client_credentials", "client_id": "app", "client_secret": self.SECRET, "scope": self.url + "/.default"}
            return {"token_type": "Bearer", "expires_in": 3599, "access_token": "azure-token"}
        if request.path == "/metadata/identity/oauth2/token":
            assert request.headers["metadata"] == "true" and request.query["resource"] == self.url + "/" and request.query["client_id"] == "app"
            return {"access_token": "azure-token", "expires_in": "3599", "token_type": "Bearer"}
        if request.headers.get("authorization") != "Bearer azure-token":
            raise Refused(401, {"error": {"code": "InvalidAuthenticationToken", "message": "The access token is invalid."}})
        name = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachineScaleSets/gpus"
        expected = "2018-10-01" if request.path.endswith("/networkInterfaces") else "2024-07-01"
        assert request.query["api-version"] == expected
        if (request.method, request.path) == ("GET", name):
            return {"name": "gpus", "sku": {"name": "Standard_NC24ads_A100_v4", "tier": "Standard", "capacity": self.capacity}}
        if (request.method, request.path) == ("PATCH", name):
            sku = request.json()["sku"]
            assert sku["name"] == "Standard_NC24ads_A100_v4"
            self.capacity = sku["capacity"]
            return {"name": "gpus", "sku": sku}
        if request.path == name + "/virtualMachines":
            running = {"statuses": [{"code": "ProvisioningState/succeeded"}, {"code": "PowerState/running"}]}
            return {"value": [{"instanceId": str(n), "properties": {"provisioningState": "Succeeded", "instanceView": running}} for n in range(self.capacity)]}
        if request.path == name + "/networkInterfaces":
            return {"value": [{"properties": {"primary": True, "virtualMachine": {"id": f"{name}/virtualMachines/{n}"},
                                              "ipConfigurations": [{"properties": {"privateIPAddress": f"10.4.0.{10 + n}"}}]}} for n in range(self.capacity)]}
        raise Refused(404, {"error": {"code": "ResourceNotFound", "message": f"{request.path} was not found."}})
