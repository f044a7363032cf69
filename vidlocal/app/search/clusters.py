"""Clusters of nearly equal frames, with the titles and paths of their videos."""

from collections.abc import Sequence
from dataclasses import dataclass

from vidlocal.moments import VideoRef
from vidlocal.records import Cluster
from vidlocal.search.clusters import ClusterResult, cluster
from vidlocal.store.content import videos
from vidlocal.store.database import Library
from vidlocal.store.index import hits

_UNKNOWN = VideoRef("", "")


@dataclass(frozen=True, slots=True)
class LibraryClusters:
    """Clusters of a library, and their videos by id."""

    result: ClusterResult
    videos: dict[int, VideoRef]
    threshold: float

    def as_data(self) -> dict[str, object]:
        """Return the clusters as plain data for JSON."""
        return {
            "by": self.result.method,
            "threshold": self.threshold,
            "pictures": self.result.compared,
            "total": self.result.total,
            "clusters": [self._cluster(cluster) for cluster in self.result.clusters],
        }

    def _cluster(self, cluster: Cluster) -> dict[str, object]:
        return {
            "pictures": cluster.frame_count,
            "videos": cluster.video_count,
            "looks_like": {**self._video(cluster.leader.video_id), "time": round(cluster.leader.time, 3)},
            "takes": [
                {
                    **self._video(occurrence.video_id),
                    "start": round(occurrence.start, 3),
                    "end": round(occurrence.end, 3),
                    "pictures": occurrence.frame_count,
                }
                for occurrence in cluster.occurrences
            ],
        }

    def _video(self, video_id: int) -> dict[str, object]:
        video = self.videos.get(video_id, _UNKNOWN)
        return {"video": {"id": video_id, "title": video.title, "path": video.path}}


def find_clusters(
    library: Library, *, limit: int, threshold: float, video_names: Sequence[str] | None = None
) -> LibraryClusters:
    """Cluster the frames of the named videos, or of all."""
    video_ids = [videos.resolve(library, name).id for name in video_names] if video_names else None
    result = cluster(library, limit=limit, threshold=threshold, videos=video_ids)
    used_ids = {occurrence.video_id for item in result.clusters for occurrence in item.occurrences}
    return LibraryClusters(result, hits.video_refs(library, used_ids), threshold)
