"""Milvus Lite's own service under the interceptor, as its `start_server_in_thread` builds it."""

import os
import sys
from concurrent import futures

import grpc
from milvus_lite.adapter.grpc.servicer import MilvusServicer
from milvus_lite.db import MilvusLite
from pymilvus.grpc_gen import milvus_pb2_grpc

from wardline.grpc import GuardInterceptor

server = grpc.server(futures.ThreadPoolExecutor(8), interceptors=[GuardInterceptor(policy=os.environ["WARDLINE_POLICY"])])
milvus_pb2_grpc.add_MilvusServiceServicer_to_server(MilvusServicer(MilvusLite("data")), server)
server.add_insecure_port(f"127.0.0.1:{sys.argv[1]}")
server.start()
server.wait_for_termination()
